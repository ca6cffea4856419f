/**
 * The crossing: values as bytes, and every call with arguments as `Machine` declares them, against the
 * module that is built.
 */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'

import { CALLS, EFFECTS, NOTICES } from '../generated/names.js'
import { newMachine, type Tools } from '../src/crossing.js'
import { MeshError } from '../src/errors.js'
import type { Effects, Machine, Notices } from '../src/machine.js'
import { ValueReader, ValueWriter } from '../src/values.js'
import { builtTools } from './fakes/built.js'

const VALUES = [
  undefined,
  true,
  false,
  0,
  -1.5,
  2 ** 52,
  '',
  'plain',
  'caf\u00e9 \u{1f980}',
  'late \u00e9'.padStart(900),
  new Uint8Array(0),
  new Uint8Array([1, 2, 3]),
  [['a', 'b'], undefined, []],
]

function read(bytes: Uint8Array, beside = new Uint8Array(0)): unknown[] {
  const reader = new ValueReader(bytes, beside, [])
  return Array.from(VALUES, () => reader.value())
}

test('values of every kind come back', () => {
  const writer = new ValueWriter()
  for (let round = 0; round < 2; round++) assert.deepEqual(read(writer.write(VALUES)), VALUES)
})

test('what is cut anywhere is refused', () => {
  const bytes = new ValueWriter().write(VALUES).slice()
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => read(bytes.subarray(0, length)), `${length} bytes`)
  }
})

test('an unknown tag is refused', () => {
  for (const tag of [12, 13, 14, 77, 255]) {
    const reader = new ValueReader(new Uint8Array([tag]), new Uint8Array(0), [])
    assert.throws(() => reader.value(), { code: 'InternalFault' })
  }
})

test('the first of the long values travels beside, uncopied', () => {
  const writer = new ValueWriter()
  const [long, longer] = [new Uint8Array(5_000).fill(7), new Uint8Array(50_000).fill(8)]
  const bytes = writer.write(['', long, longer])
  assert.equal(writer.beside, long)
  const reader = new ValueReader(bytes, writer.beside, [])
  assert.deepEqual([reader.value(), reader.value(), reader.value()], ['', long, longer])
  const text = 'long \u00e9 '.repeat(1_000)
  writer.write([text])
  assert.equal(new TextDecoder().decode(writer.beside), text)
})

test('a text of any length is written as UTF-8', () => {
  const writer = new ValueWriter()
  for (const text of ['x'.repeat(1_024), '\u20ac'.repeat(1_024), '\ud800', 'a'.repeat(1_025)]) {
    const reader = new ValueReader(writer.write([1, text]).slice(), writer.beside, [])
    reader.value()
    const read = reader.value()
    const found = read instanceof Uint8Array ? new TextDecoder().decode(read) : read
    assert.equal(found, new TextDecoder().decode(new TextEncoder().encode(text)))
  }
})

/** What crosses otherwise. */
type Direct = 'at' | 'drain' | 'free' | 'frameReceived'
type Called = Exclude<keyof Machine | keyof Tools, Direct>

const bytes = (length: number) => new Uint8Array(length).fill(7)
const PEER = 'A'.repeat(43)

/** Arguments for every call, in an order in which they make sense. */
const ARGUMENTS: { [K in Called]: Parameters<(Machine & Tools)[K]>[] } = {
  open: [['kitchen', 'https://signal.example', bytes(32), [[['stun:a'], undefined, 'c']], true, 5_000, bytes(32)]],
  selfId: [[]],
  address: [[]],
  timeout: [[]],
  start: [[]],
  tick: [[]],
  entropy: [[bytes(32)]],
  lifecycle: [[0], [4]],
  socketOpened: [[1]],
  socketReceived: [[1, bytes(9)], [1, bytes(2_000)]],
  socketClosed: [[1]],
  described: [[1, 1, true, 'v=0'], [1, 1, false, 'v=0'.padEnd(3_000)]],
  applied: [[1, 1]],
  operationFailed: [[1, 1, 'it did not']],
  candidateGathered: [[1, 'candidate:1', '0', 0, 'abcd'], [1, 'candidate:1', undefined, undefined, undefined]],
  gatheringDone: [[1]],
  gatheringFailed: [[1, 'stun:a', 701, 'it did not']],
  negotiationNeeded: [[1]],
  transportChanged: [[1, 2, 2]],
  channelOpened: [[1, 0]],
  channelClosed: [[1, 2]],
  buffered: [[1, 1, 4_000]],
  trackArrived: [[1, 'media']],
  stats: [[1, 1, 'host', 'relay', 'udp', 4, 1e12, 5], [1, 1, undefined, undefined, undefined, undefined, 0, 0]],
  sendText: [[1, '', false, 'text'], [2, PEER, true, '"text"'.padEnd(3_000)]],
  sendBytes: [[3, '', 3, '', '', bytes(3)], [4, '', 5, 'name', 'text/plain', bytes(3_000)]],
  sendTopicText: [[5, '', 'topic', true, false, 'text']],
  sendTopicBytes: [[6, PEER, 'topic', false, 4, '', 'text/plain', bytes(3)]],
  cancel: [[1]],
  request: [[7, PEER, 'name', 3, '', '', bytes(3_000), -1]],
  respond: [[1, 0, '', '', bytes(0)]],
  respondNoHandler: [[1]],
  respondFailed: [[1, 'it did not']],
  setPresence: [['{}']],
  clearPresence: [[]],
  addStream: [[1, 'media', 'camera', '']],
  removeStream: [[1]],
  awaitDrained: [[8, PEER]],
  diagnose: [[9]],
  ledgerOpen: [[bytes(32), 0, true, true, undefined]],
  ledgerRestore: [[bytes(3), bytes(3_000)]],
  ledgerRestored: [[]],
  recordsStored: [[1]],
  recordsFailed: [[1, 'StorageFull']],
  ledgerWrite: [[bytes(3), 0]],
  ledgerImport: [[10, bytes(3)]],
  ledgerLength: [[]],
  ledgerRead: [[0, 10, 1_000]],
  ledgerAuthors: [[0]],
  ledgerLinks: [[0, 10]],
  ledgerPlace: [[0]],
  ledgerCheck: [[0]],
  ledgerDigest: [[]],
  ledgerUnbatched: [[]],
  ledgerProof: [[0]],
  ledgerExport: [[0]],
  createRoom: [[true, 'name', bytes(32), bytes(16), bytes(16), undefined, 'https://signal.example']],
  stateHash: [[bytes(3_000)]],
  reencode: [['parcel', bytes(1)]],
  verifySignature: [[bytes(32), bytes(3_000), bytes(64)]],
  leave: [[]],
}

/** What is thrown at these arguments: they are read, and mean nothing. */
const REFUSED: Partial<Record<Called, string>> = { reencode: 'ProtocolViolation' }

/** Calls by name. */
type Caller = Record<string, (...values: unknown[]) => unknown>

before(() => {
  builtTools()
})

test('the core reads the arguments of every call as they are declared', () => {
  assert.deepEqual(Object.keys(ARGUMENTS).sort(), [...CALLS].sort())
  const machine = newMachine() as unknown as Caller
  for (const [name, lists] of Object.entries(ARGUMENTS)) {
    for (const values of lists) {
      const call = () => machine[name]!(...values)
      const code = REFUSED[name as Called]
      if (code === undefined) call()
      else assert.throws(call, (error) => error instanceof MeshError && error.code === code, name)
    }
  }
})

test('arguments of another kind, too many or too few are an InternalFault', () => {
  for (const [name, [values]] of Object.entries(ARGUMENTS)) {
    const machine = newMachine() as unknown as Caller
    if (name !== 'open') machine['open']!(...ARGUMENTS.open[0]!)
    const wrong = [[...values!, 1], values!.slice(0, -1), values!.map((value) => (typeof value === 'number' ? 'a' : 1))]
    for (const [index, list] of wrong.entries()) {
      if (index > 0 && values!.length === 0) continue
      assert.throws(() => machine[name]!(...list), { name: 'MeshError', code: 'InternalFault' }, `${name} ${index}`)
    }
  }
})

test('a machine that is not open, and a call of no number, are an InternalFault', () => {
  const machine = newMachine()
  assert.throws(() => machine.start(), { code: 'InternalFault' })
  assert.throws(() => machine.drain({} as Effects, {} as Notices), { code: 'InternalFault' })
  const { call } = machine as unknown as { call(number: number, values: unknown[]): unknown }
  assert.throws(() => call.call(machine, CALLS.length, []), { code: 'InternalFault' })
  assert.throws(() => call.call(machine, 4e9, []), { code: 'InternalFault' })
})

test('results are of their own: as long as the answer, and no view', () => {
  const machine = newMachine()
  machine.open(...ARGUMENTS.open[0]!)
  const read = machine.ledgerRead(0, 10, 1_000)
  assert.deepEqual([read.byteOffset, read.buffer.byteLength], [0, 8])
  assert.match(machine.selfId(), /^[\w-]{43}$/)
  assert.equal(machine.ledgerPlace(0), -1)
  const [address, genesis] = machine.createRoom(...ARGUMENTS.createRoom[0]!)
  assert.match(address, /signal\.example/)
  assert.ok(genesis.length > 32)
  assert.throws(() => machine.createRoom(true, 'x'.repeat(200), bytes(32), bytes(16), bytes(16), undefined, 'https://a.example'), {
    code: 'InvalidArgument',
    expected: 'a name of at most 128 bytes',
  })
})

test('effects and notices name methods that there are, and carry what those take', () => {
  const effects: Record<keyof Effects, true> = Object.fromEntries(EFFECTS.map((name) => [name, true as const])) as never
  const notices: Record<keyof Notices, true> = Object.fromEntries(NOTICES.map((name) => [name, true as const])) as never
  const told: [string, unknown[]][] = []
  const record = (_: unknown, name: string) => (...values: unknown[]) => void told.push([name, values])
  const machine = newMachine()
  machine.at(0, 1e12)
  machine.open('kitchen', 'https://signal.example', undefined, undefined, false, 5_000, bytes(32))
  machine.start()
  machine.diagnose(9)
  machine.sendText(1, PEER, false, 'text')
  machine.drain(new Proxy<Effects>({} as Effects, { get: record }), new Proxy<Notices>({} as Notices, { get: record }))
  assert.ok(told.every(([name]) => name in effects || name in notices))
  const of = (wanted: string) => told.find(([name]) => name === wanted)?.[1]
  assert.match(String(of('openSocket')?.[1]), /^wss:\/\/signal\.example\//)
  const [ticket, report] = of('diagnosis') as [number, { selfId: string; peers: unknown[] }]
  assert.deepEqual([ticket, report.selfId, report.peers], [9, machine.selfId(), []])
  const [refused, error] = of('refused') as [number, MeshError]
  assert.equal(refused, 1)
  assert.ok(error instanceof MeshError && error.message !== '' && error.delivery === 'not-sent')
})

test('an input given to a drain is taken first, and all that it led to comes out at once', () => {
  const inputs: [calls: number, input: (machine: Machine) => void][] = [
    [0, () => undefined],
    [1, (machine) => machine.sendText(1, PEER, false, 'text')],
    [2, (machine) => [1, 2].forEach((ticket) => machine.sendText(ticket, PEER, false, 'text'))],
    [1, (machine) => (machine.frameReceived(1, 0, bytes(9)), machine.sendText(1, PEER, false, 'text'))],
    [1, (machine) => (machine.sendText(1, PEER, false, 'text'), machine.frameReceived(1, 0, bytes(9)))],
  ]
  for (const [count, input] of inputs) {
    const told: string[] = []
    const record = (_: unknown, name: string) => () => void told.push(name)
    const machine = newMachine()
    machine.at(0, 1e12)
    machine.open('kitchen', 'https://signal.example', undefined, undefined, false, 5_000, bytes(32))
    machine.start()
    const at = machine.drain(new Proxy<Effects>({} as Effects, { get: record }), new Proxy<Notices>({} as Notices, { get: record }), input)
    assert.deepEqual([machine.ledgerLength(), machine.ledgerPlace(0)], [0, -1], 'what is asked then has its own answer')
    assert.equal(at, machine.timeout())
    assert.ok(at > 0 && told.includes('openSocket'))
    assert.equal(told.filter((name) => name === 'refused').length, count)
    assert.equal(machine.drain({} as Effects, {} as Notices), at)
  }
})

/** Names that are in one list and not the other do not compile. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never
export const SAME: [
  Same<(typeof CALLS)[number], Called>,
  Same<(typeof EFFECTS)[number], keyof Effects>,
  Same<(typeof NOTICES)[number], keyof Notices>,
] = [true, true, true]
