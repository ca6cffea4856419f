/**
 * Golden bytes of the signalling, read by the WebAssembly of the built package: a client that is told
 * them byte for byte by a server made of this test. What only a server reads is compared with what
 * that client writes.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, test } from 'node:test'

import { newMachine } from '../src/crossing.js'
import { builtTools, hex } from './fakes/built.js'
import { Lifecycle, type Effects, type Machine, type Notices } from '../src/machine.js'

interface Vector {
  bytes: string
  message: Record<string, string | number> & { kind: string }
}

interface Address {
  text: string
  server: string | null
  socket_url: string
  topic: string
}

const golden = JSON.parse(readFileSync(new URL('../../../vectors/v1/signalling.json', import.meta.url), 'utf8')) as {
  addresses: Address[]
  client_messages: Vector[]
  envelopes: Record<'introduction_a' | 'peer_a', string>
  proofs: Record<'session_key' | 'topic', string>
  server_messages: Vector[]
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
/** The golden message of a server that is named so. */
const server = (kind: string) => {
  const found = golden.server_messages.find(({ message }) => message.kind === kind)
  assert.ok(found, `no golden ${kind}`)
  return hex(found.bytes)
}

/** The golden events, in their order. */
const events = golden.server_messages.filter(({ message }) => 'number' in message).map(({ bytes }) => hex(bytes))

/** The number that a message begins with, after the head of its array. */
const kindOf = (bytes: Uint8Array) => Number(bytes[1])

type Call = [name: string, ...given: unknown[]]

/** A machine whose server is this test; keeps what it asked for and told. */
class Client {
  readonly calls: Call[] = []
  readonly #machine: Machine
  #socket = 0
  #ms = 0

  constructor({ text: address, server }: Address) {
    const seed = new Uint8Array(32).fill(7)
    const [identity, servers, timeout] = [undefined, undefined, undefined]
    const machine = newMachine()
    machine.at(0, 1e12)
    machine.open(address, server ?? undefined, identity, servers, false, timeout, seed)
    this.#machine = machine
    this.#feed((machine) => machine.start())
    this.#socket = this.of('openSocket').at(-1)?.[0] as number
  }

  #feed(act: (machine: Machine) => void) {
    const record = (_: object, name: string) => (...given: unknown[]) => {
      const kept = given.map((each) => (each instanceof Uint8Array ? each.slice() : each))
      this.calls.push([name, ...kept])
    }
    this.#machine.at(this.#ms, 1e12 + this.#ms)
    act(this.#machine)
    this.#machine.drain(new Proxy<Effects>({} as Effects, { get: record }), new Proxy<Notices>({} as Notices, { get: record }))
  }

  /** What was called under this name. */
  of(name: string): unknown[][] {
    return this.calls.filter(([called]) => called === name).map(([, ...given]) => given)
  }

  hear(...messages: Uint8Array[]): this {
    for (const bytes of messages) this.#feed((machine) => machine.socketReceived(this.#socket, bytes))
    return this
  }

  open(): this {
    this.#feed((machine) => machine.socketOpened(this.#socket))
    return this
  }

  /** Loses its socket and opens the next. */
  reconnect(): this {
    this.#feed((machine) => machine.socketClosed(this.#socket))
    this.wait(60_000)
    this.#socket = this.of('openSocket').at(-1)?.[0] as number
    return this.open()
  }

  /** Lets time pass, as far as the client waits for something. */
  wait(ms: number): this {
    const end = this.#ms + ms
    while (true) {
      const due = this.#machine.timeout()
      if (due < 0 || due > end) break
      const opened = this.of('openSocket').length
      this.#ms = Math.max(due, this.#ms + 1)
      this.#feed((machine) => machine.tick())
      if (this.of('openSocket').length > opened) return this
    }
    this.#ms = end
    return this
  }

  hide(): this {
    this.#feed((machine) => machine.lifecycle(Lifecycle.hidden))
    return this
  }

  /** Does for the newest connection what a browser does: describes it. */
  describe(): this {
    const connection = this.of('createConnection').at(-1)?.[0] as number
    this.#feed((machine) => machine.negotiationNeeded(connection))
    const ticket = this.of('describe').at(-1)?.[1] as number
    this.#feed((machine) => machine.described(connection, ticket, true, SDP))
    return this.wait(1_000)
  }

  get address() {
    return this.#machine.address()
  }

  get written(): Uint8Array[] {
    return this.of('sendSocket').map(([, bytes]) => bytes as Uint8Array)
  }

  /** The last message written of this kind of a client's. */
  wrote(kind: number): Uint8Array {
    const found = this.written.filter((bytes) => kindOf(bytes) === kind).at(-1)
    assert.ok(found, `the client wrote no message of kind ${kind}`)
    return found
  }

  /** The code, and what was found, of a refusal of the join. */
  get failure(): [code: string, found: string] | undefined {
    const error = this.of('joinFailed')[0]?.[0] as { code: string; found: string } | undefined
    return error && [error.code, error.found]
  }
}

const [first] = golden.addresses as [Address]

/** What a browser might say of itself, as far as the core reads it. */
const SDP = `v=0\r\na=ice-ufrag:abcd\r\na=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}\r\na=setup:actpass\r\n`

/** A byte string as a field of a message; both in hexadecimal. */
const field = (text: string) => {
  const size = (text.length / 2).toString(16).padStart(2, '0')
  return `${text.length / 2 < 24 ? (0x40 + text.length / 2).toString(16) : `58${size}`}${text}`
}

const peerA = () => ({ key: golden.proofs.session_key, introduction: golden.envelopes.introduction_a })

/** The first event of a session: peer a entered. */
const joined = () => hex(`840601${field(peerA().key)}${field(peerA().introduction)}`)

/** The first event of a session: somebody left. */
const leftAs1 = hex(`830901${field('05'.repeat(32))}`)

/** A client of the first address that the golden welcome and its second half have let in. */
const admitted = () => new Client(first).open().hear(server('challenge'), server('welcome'), server('members'))

before(() => {
  builtTools()
})

// R-128.
test('every golden address opens the socket it names and proves its room there', () => {
  assert.ok(golden.addresses.length >= 6)
  for (const address of golden.addresses) {
    const client = new Client(address)
    assert.deepEqual(client.of('openSocket'), [[client.of('openSocket')[0]?.[0], address.socket_url]], address.text)
    const join = fields(client.open().hear(server('challenge')).wrote(0))
    assert.equal(join[2], address.topic, address.text)
  }
})

test('every golden message of a server is read', () => {
  const client = admitted()
  assert.equal(client.of('admitted').length, 1)
  client.hear(server('pong'), ...events)
  // None was out of order or unreadable, which would have cost the socket; the number of the last is acknowledged.
  assert.deepEqual(client.of('closeSocket'), [])
  assert.equal(text(client.wait(5_000).wrote(4)), `8204${events.length.toString(16).padStart(2, '0')}`)
  // The members' introductions and the one of the event are no introductions.
  const troubles = client.of('trouble').map(([error]) => (error as { expected: string }).expected)
  assert.ok(troubles.length > 0 && troubles.every((expected) => expected === 'a signed introduction'), `${troubles}`)
})

test('the golden refusal is told as it was said, and the golden session is resumed', () => {
  const refused = new Client(first).open().hear(server('challenge'), server('refused'))
  assert.deepEqual(refused.failure, ['RoomFull', '64'])
  const client = admitted().reconnect().hear(server('challenge'))
  const resume = fields(client.wrote(1))
  assert.equal(resume[3], '02'.repeat(16), 'the token of the golden welcome')
  const statuses = () => client.of('status').map(([status]) => status)
  assert.equal(statuses().at(-1), 'offline')
  assert.deepEqual(client.hear(server('resumed')).of('closeSocket'), [])
  assert.equal(statuses().at(-1), 'alone')
})

test('the golden introduction names its peer', () => {
  assert.equal(golden.proofs.topic, first.topic)
  const client = admitted().hear(joined())
  assert.deepEqual(client.of('peerAdded'), [[Buffer.from(golden.envelopes.peer_a, 'hex').toString('base64url')]])
  const bent = joined()
  bent[60] = Number(bent[60]) ^ 1
  assert.deepEqual(admitted().hear(bent).of('peerAdded'), [])
})

test('a golden message that is cut or lengthened is refused with the reason', () => {
  const readers: [kinds: string[], make: () => Client][] = [
    [['challenge'], () => new Client(first).open()],
    [['welcome', 'refused'], () => new Client(first).open().hear(server('challenge'))],
  ]
  for (const [kinds, make] of readers) {
    for (const bytes of kinds.map(server)) {
      for (let length = 0; length < bytes.length; length += 1) {
        assert.equal(make().hear(bytes.slice(0, length)).failure?.[0], 'ServerProtocol', `${text(bytes)} cut at ${length}`)
      }
      const lengthened = make().hear(new Uint8Array([...bytes, 0]))
      assert.deepEqual(lengthened.failure, ['ServerProtocol', 'a message cannot be read'])
    }
  }
  // Once in the room, a server that breaks the protocol loses its socket.
  for (const [index, event] of events.entries()) {
    const client = admitted().hear(...events.slice(0, index))
    assert.deepEqual(client.of('closeSocket'), [])
    assert.equal(client.hear(event.slice(0, -1)).of('closeSocket').length, 1, text(event))
  }
})

test('what a client writes has the form of the golden messages', () => {
  // Somebody was there first, and so the client is the one that offers.
  const { key, introduction } = peerA()
  const welcome = `8501${field('02'.repeat(16))}808183${field(key)}${field(introduction)}f500`
  const client = new Client(first).open().hear(server('challenge'), hex(welcome)).describe().hear(leftAs1)
  client.wait(40_000).reconnect().hear(server('challenge'), server('resumed')).hide()
  const seen = new Set<number>()
  for (const message of client.written) {
    const model = golden.client_messages.find((vector) => kindOf(hex(vector.bytes)) === kindOf(message))
    assert.ok(model, `no golden message of kind ${kindOf(message)}`)
    assert.deepEqual(fields(message).map(form), fields(hex(model.bytes)).map(form), model.message.kind)
    seen.add(kindOf(message))
  }
  // All but the new introduction, which no client of today sends.
  assert.deepEqual([...seen].sort(), [0, 1, 2, 4, 5, 6])
})

/** What a field of a message is, without its value: introductions and envelopes have any length. */
const form = (value: string | number) =>
  typeof value === 'number' ? 'number' : FIXED_LENGTHS.includes(value.length / 2) ? value.length / 2 : 'bytes'

/** Tokens, keys and signatures. Units: bytes. */
const FIXED_LENGTHS = [16, 32, 64]

/** The fields of one flat array of numbers and byte strings, the latter in hexadecimal. */
function fields(bytes: Uint8Array): (string | number)[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const head = (): [major: number, value: number] => {
    const first = view.getUint8(at)
    at += 1
    const [major, short] = [first >> 5, first & 31]
    if (short < 24) return [major, short]
    assert.ok(short < 27, `a head of ${short}`)
    const size = 1 << (short - 24)
    at += size
    return [major, size === 1 ? view.getUint8(at - 1) : size === 2 ? view.getUint16(at - 2) : view.getUint32(at - 4)]
  }
  const [major, count] = head()
  assert.equal(major, 4, 'an array')
  const found = Array.from({ length: count }, () => {
    const [major, value] = head()
    if (major === 0) return value
    assert.equal(major, 2, 'a byte string')
    at += value
    return text(bytes.subarray(at - value, at))
  })
  assert.equal(at, bytes.length)
  return found
}
