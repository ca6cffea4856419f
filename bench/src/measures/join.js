// From the call of `joinRoom` (or what stands for it) to the first message in the other application.
//
// Two pages: one is in the room already. Timed: from the newcomer's call until the waiting page's
// application has its first message. Eight pages: all call at the same instant. Timed: from the
// earliest call until every page has the first message of each of the other seven.
import { OURS } from '../contestants.js'
import { call, everyone, finish, freshPages, newRoom, soon } from './measure.js'

/** The others store nothing; what storing costs is shown beside it. */
const ENTRIES = [
  ...everyone(['bare', 'simple-peer', 'PeerJS']),
  { contestant: OURS, variant: 'in memory', options: { storage: 'memory' } },
  { contestant: OURS, variant: 'stored', options: { storage: 'browser' } },
]
const GOALS = [{ against: 'bare', atMost: 1.3 }]
const MESH_PAGES = 8

async function joinPair(context, entry) {
  const pages = await freshPages(context, [0, 0])
  const [present, newcomer] = pages
  const options = { server: context.server, room: newRoom(), ...entry.options }
  await call(present, 'join', { ...options, id: '0', index: 0, at: 0 })
  const heard = call(present, 'heard', { count: 1 })
  const { started } = await call(newcomer, 'join', { ...options, id: '1', index: 1, at: soon() })
  const { last } = await heard
  await finish(pages)
  return { 'join-2': last - started }
}

async function joinMesh(context, entry) {
  const pages = await freshPages(context, new Array(MESH_PAGES).fill(0))
  const options = { server: context.server, room: newRoom(), at: soon(), ...entry.options }
  const stamps = await Promise.all(
    pages.map(async (page, index) => {
      await call(page, 'join', { ...options, id: String(index), index })
      return call(page, 'heard', { count: MESH_PAGES - 1 })
    }),
  )
  await finish(pages)
  const first = Math.min(...stamps.map(({ started }) => started))
  return { 'join-8': Math.max(...stamps.map(({ last }) => last)) - first }
}

/** @type {import('./measure.js').Measure[]} */
export const JOIN = [
  {
    group: 'join',
    title: 'Join to first message delivered, 2 pages',
    rows: [{ id: 'join-2', label: 'join, 2 pages', unit: 'ms', better: 'lower', goals: GOALS }],
    entries: ENTRIES,
    rounds: { full: 11, quick: 3 },
    warmUp: true,
    budgetMs: 90_000,
    runMsMax: 15_000,
    run: joinPair,
  },
  {
    group: 'join',
    title: 'Join to full mesh, 8 pages',
    rows: [
      { id: 'join-8', label: 'join, 8 pages, 28 links', unit: 'ms', better: 'lower', goals: GOALS },
    ],
    entries: ENTRIES,
    rounds: { full: 15, quick: 2 },
    warmUp: true,
    budgetMs: 240_000,
    runMsMax: 20_000,
    run: joinMesh,
  },
]
