// Bytes from one page to another, in messages of 8 MiB as the application sees them.
//
// Timed: from the first call until all of it has arrived in the receiving application and the sender
// knows (a short message comes back), and, where the library tells, until every promise of delivery
// has resolved. The bare channel and simple-peer, which know no large messages, cut them.
import { OURS } from '../contestants.js'
import { call, finish, linkedPair } from './measure.js'

const KIB = 1024
const MIB = 1024 * KIB
const MESSAGE_BYTES = 8 * MIB
const TOTAL_BYTES = { full: 32 * MIB, quick: 16 * MIB }

const ENTRIES = [
  { contestant: 'bare', variant: '16 KiB', options: { frameBytes: 16 * KIB } },
  { contestant: 'bare', variant: '64 KiB', options: { frameBytes: 64 * KIB } },
  { contestant: 'bare', variant: '256 KiB', options: { frameBytes: 256 * KIB } },
  { contestant: 'simple-peer', variant: '64 KiB', options: { frameBytes: 64 * KIB } },
  { contestant: 'PeerJS' },
  { contestant: OURS },
]

const GOALS = [
  { against: 'bare', atLeast: 0.9 },
  { against: 'PeerJS', atLeast: 1 },
  { against: 'simple-peer', atLeast: 1 },
]

function measure(id, label, processes, rounds) {
  async function run(context, entry) {
    const [sender, receiver] = await linkedPair(context, entry, processes)
    const total = context.quick ? TOTAL_BYTES.quick : TOTAL_BYTES.full
    await call(receiver, 'expect', { bytes: total })
    const { ms } = await call(sender, 'bulk', { total, messageBytes: MESSAGE_BYTES })
    await finish([sender, receiver])
    return { [id]: total / 1e6 / (ms / 1000) }
  }
  return {
    group: 'bulk',
    title: `Bulk, ${label}`,
    rows: [{ id, label: `bulk, ${label}`, unit: 'MB/s', better: 'higher', goals: GOALS }],
    entries: ENTRIES,
    rounds: { full: rounds, quick: 1 },
    budgetMs: 25_000 * rounds,
    runMsMax: 40_000,
    run,
  }
}

/**
 * Two processes are eight busy threads on however many cores there are: whether a packet wakes one thread or waits
 * for the next is the scheduler's, and the same bare channel carries 11 to 46 MB/s. So there are more rounds.
 *
 * @type {import('./measure.js').Measure[]}
 */
export const BULK = [
  measure('bulk-1', 'one Chromium', [0, 0], 7),
  measure('bulk-2', 'two Chromium processes', [0, 1], 24),
]
