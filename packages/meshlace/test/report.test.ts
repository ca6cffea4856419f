// The report of `diagnose` as it crosses from the built module: two peers that linked in a rehearsal report.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loader } from '../src/core.js'
import type { Core } from '../src/join.js'
import type { Effects, Machine, Notices } from '../src/machine.js'
import { rehearse } from '../src/rehearsal.js'
import type { PeerReport, Report } from '../src/types.js'

/** The fields of a peer's report: one that `PeerReport` declares and that is missing here does not compile. */
const FIELDS: Record<keyof PeerReport, string> = {
  peer: 'string',
  state: 'string',
  findings: 'object',
  link: 'string',
  spentMs: 'object',
  epoch: 'number',
  iceState: 'string',
  connectionState: 'string',
  localCandidates: 'object',
  remoteCandidates: 'object',
  gatheringFailures: 'object',
  path: 'object',
  roundTripMs: 'undefined',
  sentBytes: 'number',
  receivedBytes: 'number',
  deliveredCount: 'number',
  receivedCount: 'number',
  lossyDroppedCount: 'number',
  queuedBytes: 'number',
  restartCount: 'number',
  rebuildCount: 'number',
  silentMs: 'number',
  lastFailure: 'undefined',
}

/** `own`, with what `over` has instead. A method runs on `own`; one of neither does nothing. */
function overlaid<T extends object>(over: Partial<T>, own = {} as T): T {
  const get = (_: T, name: string | symbol): unknown => {
    const found: unknown = Reflect.get(over, name) ?? Reflect.get(own, name)
    return typeof found === 'function' ? found.bind(own) : (found ?? (() => undefined))
  }
  return new Proxy(own, { get })
}

/** What a machine says of its links. The browser's figures are made up. */
function reportOf(machine: Machine): Report {
  let answer = (): void => assert.fail('no figures were asked for')
  let report: Report | undefined
  const effects: Partial<Effects> = {
    readStats: (connection, ticket) => {
      answer = () => machine.stats(connection, ticket, 'host', 'host', 'udp', 1, 2, 3)
    },
  }
  const notices: Partial<Notices> = { diagnosis: (_, found) => void (report = found) }
  const drain = () => machine.drain(overlaid(effects), overlaid(notices))
  machine.diagnose(9)
  drain()
  answer()
  drain()
  return report ?? assert.fail('no report')
}

test('a report has every field, and counts what was dropped before the link was open', async () => {
  const load = loader(() => WebAssembly.compile(readFileSync('generated/meshlace_wasm_bg.wasm')))
  const core = await load()
  const reports: Report[] = []
  /** A machine that sends what may be lost once it sees the other, and reports before it is freed. */
  const machine: Core['machine'] = (given) => {
    const own = core.machine(given)
    const drain: Machine['drain'] = (effects, notices) => {
      let isAdded = false
      const at = own.drain(effects, overlaid<Notices>({ peerAdded: () => void (isAdded = true) }, notices))
      for (const text of isAdded ? ['1', '2'] : []) own.sendTopicText(0, '', 'cursor', true, true, text)
      return at
    }
    const free = () => {
      reports.push(reportOf(own))
      own.free()
    }
    return overlaid({ drain, free }, own)
  }
  assert.equal(rehearse({ machine }), 2)
  const peers = reports.flatMap((report) => report.peers)
  assert.deepEqual(peers.map(({ link, lossyDroppedCount }) => [link, lossyDroppedCount]), [['open', 2], ['open', 2]])
  for (const peer of peers) {
    assert.deepEqual(Object.fromEntries(Object.entries(peer).map(([name, value]) => [name, typeof value])), FIELDS)
  }
})
