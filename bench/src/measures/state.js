// Shared state: what a history costs to take in, how fast edits reach another page, and their bytes.
//
// The history is 100,000 edits by ten authors. For Meshlace it is a file that the core wrote natively,
// each run of 250 blocks with one signature, as a cold sync brings them; it is checked block by block.
// Yjs applies as many separate updates, Automerge loads its own document of as many changes.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OURS } from '../contestants.js'
import { startMeshlace, startTrivial, startYWebrtc } from '../servers.js'
import { call, newRoom, settle } from './measure.js'

const HISTORY = 100_000
const EDITS = 10_000
const SMALL_EDITS = 200

/** Written by {@link prepareState} and served by the lab. */
export const HISTORY_FILE = join(tmpdir(), `meshlace-bench-${process.pid}.ledger`)

const MANIFEST = fileURLToPath(new URL('../../../Cargo.toml', import.meta.url))
const EXAMPLE = ['run', '--release', '--quiet', '--locked', '--manifest-path', MANIFEST]
EXAMPLE.push('-p', 'meshlace-core', '--example', 'ledger-insert')

const SUBJECTS = {
  Yjs: { module: 'state-yjs', start: startYWebrtc },
  Automerge: { module: 'state-automerge', start: startTrivial },
  [OURS]: { module: 'state-meshlace', start: startMeshlace },
}

/** Builds the native side and writes the history. Where it fails the measures say so. */
export function prepareState() {
  const { status, stderr } = spawnSync('cargo', [...EXAMPLE, '--', '--file', HISTORY_FILE], {
    encoding: 'utf8',
  })
  if (status !== 0) process.stderr.write(`${stderr ?? 'cargo is not installed'}\n`)
}

function native() {
  const { status, stdout, stderr } = spawnSync('cargo', EXAMPLE, { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr || 'cargo is not installed')
  return (pattern) => {
    const [, value, unit] = stdout.match(pattern) ?? []
    if (value === undefined) throw new Error(`no line ${pattern} in ${stdout}`)
    return Number(value) * { s: 1e3, ms: 1, '\u00b5s': 1e-3, ns: 1e-6 }[unit]
  }
}

let natively

/** The native example measures both sides at once; the second contestant of a round reads its lines. */
async function runNative(_context, { contestant }) {
  natively ??= native()
  const read = natively
  if (contestant === 'hashing') return { 'native-cold': read(/once: ([\d.]+)(\w+)/) }
  const late = (moved) => read(new RegExp(`moves ${moved}: ([\\d.]+)(\\S+)`)) * 1e3
  natively = undefined
  return {
    'native-cold': read(/ordering: ([\d.]+)(\w+)/),
    'late-1000': late(1_000),
    'late-10000': late(10_000),
    'late-all': late(100_000),
  }
}

async function withServer({ contestant }, use) {
  const { module, start } = SUBJECTS[contestant]
  const server = await start()
  try {
    return await use(module, server.url)
  } finally {
    await server.stop()
  }
}

async function open(lab, module, count) {
  const pages = await lab.pages(new Array(count).fill(0))
  await Promise.all(pages.map((page) => lab.load(page, module)))
  await settle()
  return pages
}

function runCold({ lab }, entry) {
  return withServer(entry, async (module, server) => {
    if (!existsSync(HISTORY_FILE)) throw new Error('the history was not written')
    const [page] = await open(lab, module, 1)
    await call(page, 'prepare', { count: HISTORY, file: '/history.bin', server })
    const { ms, count } = await call(page, 'cold')
    if (count !== HISTORY) throw new Error(`${count} of ${HISTORY} edits are there`)
    return { cold: ms }
  })
}

function runEdits({ lab }, entry) {
  return withServer(entry, async (module, server) => {
    const pages = await open(lab, module, 2)
    const room = newRoom()
    const options = { server, room, stored: entry.variant === 'stored' }
    for (const [index, page] of pages.entries()) await call(page, 'open', { ...options, index })
    await Promise.all(pages.map((page) => call(page, 'linked')))
    const [writer, reader] = pages
    const complete = call(reader, 'complete', { count: EDITS })
    const { from } = await call(writer, 'edit', { count: EDITS })
    const { at } = await complete
    await Promise.all(pages.map((page) => call(page, 'leave')))
    return { edits: at - from }
  })
}

/** Ours is counted on the link, theirs as the length of the updates they would send. */
function runBytes({ lab }, entry) {
  return withServer(entry, async (module, server) => {
    const ours = entry.contestant === OURS
    const pages = await open(lab, module, ours ? 2 : 1)
    const options = { server: ours ? server : undefined, room: newRoom() }
    for (const [index, page] of pages.entries()) await call(page, 'open', { ...options, index })
    if (ours) await Promise.all(pages.map((page) => call(page, 'linked')))
    await settle()
    const { burst, single } = await call(pages[0], 'bytes', { count: SMALL_EDITS })
    await Promise.all(pages.map((page) => call(page, 'leave')))
    return { burst, single }
  })
}

/** How far the WebAssembly memory of a page grows that gets the history from another by sync. */
function runMemory({ lab }, entry) {
  return withServer(entry, async (module, server) => {
    const [from, to] = await open(lab, module, 2)
    await call(from, 'prepare', { count: HISTORY, file: '/history.bin', server })
    await call(from, 'cold')
    const before = await call(to, 'memory')
    await call(to, 'open', { server, room: 'bench', index: 1 })
    await call(to, 'holds', { count: HISTORY })
    const grown = (await call(to, 'memory')) - before
    await call(to, 'leave')
    return { memory: grown / HISTORY }
  })
}

const entries = (names) => names.map((contestant) => ({ contestant, serverless: true }))

/** @type {import('./measure.js').Measure[]} */
export const STATE = [
  {
    group: 'state',
    title: 'A history of 100,000 edits by ten authors, native',
    rows: [
      {
        id: 'native-cold',
        label: 'validate, hold and order; against hashing each block once',
        unit: 'ms',
        better: 'lower',
        goals: [{ against: 'hashing', atMost: 5 }],
      },
      ...[
        ['late-1000', 'a late block that moves 1,000'],
        ['late-10000', 'a late block that moves 10,000'],
        ['late-all', 'a late block that moves all 100,000'],
      ].map(([id, label]) => ({ id, label, unit: 'us', better: 'lower', goals: [] })),
    ],
    entries: entries(['hashing', OURS]),
    rounds: { full: 3, quick: 1 },
    budgetMs: 90_000,
    runMsMax: 60_000,
    run: runNative,
  },
  {
    group: 'state',
    title: 'A history of 100,000 edits by ten authors, in a page',
    rows: [
      {
        id: 'cold',
        label: 'take it in',
        unit: 'ms',
        better: 'lower',
        goals: [
          { against: 'Yjs', atMost: 1 },
          { against: 'Automerge', atMost: 1 },
        ],
      },
    ],
    entries: entries(['Yjs', 'Automerge', OURS]),
    rounds: { full: 5, quick: 1 },
    budgetMs: 180_000,
    runMsMax: 90_000,
    run: runCold,
  },
  {
    group: 'state',
    title: '10,000 edits in a loop on one page, all of them on another',
    rows: [
      {
        id: 'edits',
        label: 'first edit to complete',
        unit: 'ms',
        better: 'lower',
        goals: [
          { against: 'Yjs', atMost: 1 },
          { against: 'Automerge', atMost: 1 },
        ],
      },
    ],
    entries: [
      ...entries(['Yjs', 'Automerge']),
      { contestant: OURS, variant: 'in memory', serverless: true },
      { contestant: OURS, variant: 'stored', serverless: true },
    ],
    rounds: { full: 5, quick: 2 },
    warmUp: true,
    budgetMs: 180_000,
    runMsMax: 60_000,
    run: runEdits,
  },
  {
    group: 'state',
    title: 'Bytes of an edit',
    rows: [
      {
        id: 'burst',
        label: 'each of 200 edits together',
        unit: 'bytes',
        better: 'lower',
        goals: [
          { against: 'Yjs', atMost: 1.5 },
          { against: 'Automerge', atMost: 1.5 },
        ],
      },
      { id: 'single', label: 'each of 200 edits by itself', unit: 'bytes', better: 'lower', goals: [] },
    ],
    entries: entries(['Yjs', 'Automerge', OURS]),
    rounds: { full: 3, quick: 1 },
    budgetMs: 60_000,
    runMsMax: 30_000,
    run: runBytes,
  },
  {
    group: 'state',
    title: 'Memory of 100,000 blocks of 39 bytes of payload, got by sync',
    rows: [
      {
        id: 'memory',
        label: 'WebAssembly memory per block, payload included',
        unit: 'bytes',
        better: 'lower',
        goals: [{ atMost: 339 }],
      },
    ],
    entries: entries([OURS]),
    rounds: { full: 1, quick: 1 },
    budgetMs: 120_000,
    runMsMax: 110_000,
    run: runMemory,
  },
]
