// Messages of 100 bytes between two pages of one Chromium.
//
// Rate: as many as the library takes, honouring its back-pressure; timed until the last has arrived
// and the sender knows. Every message carries its number and the receiver checks the order. Round
// trip: one message, echoed by the other application, after another.
import { OURS } from '../contestants.js'
import { quantile } from '../statistics.js'
import { call, everyone, finish, linkedPair } from './measure.js'

const CONTESTANTS = ['bare', 'simple-peer', 'PeerJS', OURS]
const FLOOD_COUNT = { full: 30_000, quick: 10_000 }
const ECHO_COUNT = { full: 1_000, quick: 300 }

/** Echoes before the timed ones, so that every contestant's code is compiled: browsers do it twice, and late. */
const WARM_UP_COUNT = 1_000

async function run(context, entry) {
  const size = context.quick ? 'quick' : 'full'
  const [sender, receiver] = await linkedPair(context, entry, [0, 0])
  await call(sender, 'pingPong', { count: WARM_UP_COUNT })
  const { roundTrips } = await call(sender, 'pingPong', { count: ECHO_COUNT[size] })
  await call(receiver, 'expect', { count: FLOOD_COUNT[size] })
  const { ms } = await call(sender, 'flood', { count: FLOOD_COUNT[size] })
  await finish([sender, receiver])
  return {
    'messages-rate': FLOOD_COUNT[size] / (ms / 1000),
    'messages-p50': quantile(roundTrips, 0.5),
    'messages-p99': quantile(roundTrips, 0.99),
  }
}

/** @type {import('./measure.js').Measure[]} */
export const MESSAGES = [
  {
    group: 'messages',
    title: 'Messages of 100 bytes',
    rows: [
      {
        id: 'messages-rate',
        label: '100-byte messages',
        unit: '1/s',
        better: 'higher',
        goals: [
          { against: 'bare', atLeast: 0.5 },
          { against: 'PeerJS', atLeast: 1 },
        ],
      },
      { id: 'messages-p50', label: 'round trip p50', unit: 'ms', better: 'lower', goals: [] },
      { id: 'messages-p99', label: 'round trip p99', unit: 'ms', better: 'lower', goals: [] },
    ],
    entries: everyone(CONTESTANTS),
    rounds: { full: 5, quick: 2 },
    budgetMs: 100_000,
    runMsMax: 30_000,
    run,
  },
]
