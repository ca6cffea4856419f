/**
 * A join of two peers that exist nowhere, run inside the page. Browsers compile a function of WebAssembly when it is
 * first called, and better when it was called often: `preload` has that behind it before anyone waits.
 *
 * Server and browser are played with the few bytes and calls that a join takes; see docs/protocol.md.
 */
import type { Core } from './join.js'
import type { Effects, Machine, Notices } from './machine.js'

/** Runs through it once for a page, however often it is preloaded. */
export function rehearseOnce(core: Core): void {
  if (rehearsed === core) return
  rehearsed = core
  rehearse(core)
}

let rehearsed: Core | undefined

/** Runs through it. Returns how many sides saw the other join and hold the block that one of them wrote: 2. */
export function rehearse(core: Pick<Core, 'machine'>): number {
  const host = new Actor(core)
  const guest = new Actor(core)
  host.other = guest
  guest.other = host
  host.machine.start()
  play(host, guest)
  guest.machine.start()
  play(host, guest)
  // Two slots of one profile.
  for (const [slot, { machine }] of [host, guest].entries()) machine.ledgerOpen(new Uint8Array(32), slot, true, false, undefined)
  play(host, guest)
  host.machine.ledgerWrite(new Uint8Array(8), 0)
  play(host, guest)
  const seen = [host, guest].filter(({ machine, hasMet }) => hasMet && machine.ledgerLength() === 1).length
  host.machine.free()
  guest.machine.free()
  return seen
}

/** Until nothing more happens: each step is a message or an answer of a browser, of which there are some forty. */
function play(...actors: Actor[]): void {
  for (let step = 0; step < STEPS_MAX && actors.filter((actor) => actor.step()).length > 0; step++);
}

/** One peer, its browser, and its side of the server. */
class Actor implements Partial<Effects>, Partial<Notices> {
  readonly machine: Machine
  other!: Actor
  hasMet = false
  /** Its key and its introduction as items of CBOR, once it has shown them to the server. */
  #key: Uint8Array = NOTHING
  #introduction: Uint8Array = NOTHING
  #socket = 0
  #connection = 0
  #offers = true
  #eventCount = 0
  #todo: (() => void)[] = []
  /** Of all that is asked and told what is not played is left out. */
  readonly #listener = new Proxy(this, { get: (own, name) => (Reflect.get(own, name) as (() => void) | undefined)?.bind(own) ?? (() => undefined) })

  constructor(core: Pick<Core, 'machine'>) {
    const seed = crypto.getRandomValues(new Uint8Array(32))
    const address = 'rehearsal'
    const server = 'ws://localhost'
    this.machine = core.machine({ address, server, identity: undefined, seed, iceServers: [], relayOnly: false, timeoutMs: undefined, wall: 0 })
  }

  /** Does what is due; whether there was anything. */
  step(): boolean {
    this.machine.drain(this.#listener as unknown as Effects, this.#listener as unknown as Notices)
    const todo = this.#todo
    this.#todo = []
    for (const act of todo) act()
    return todo.length > 0
  }

  #later(act: (machine: Machine) => void): void {
    this.#todo.push(() => act(this.machine))
  }

  #receive(...parts: (readonly number[] | Uint8Array)[]): void {
    this.#later((machine) => machine.socketReceived(this.#socket, Uint8Array.from(parts.flatMap((part) => [...part]))))
  }

  openSocket(socket: number): void {
    this.#socket = socket
    this.#later((machine) => machine.socketOpened(socket))
    this.#receive([0x84, 0, 1, 1], TOKEN)
  }

  sendSocket(_socket: number, bytes: Uint8Array): void {
    const { other } = this
    if (bytes[1] === 0) {
      this.#key = bytes.slice(37, 71)
      this.#introduction = bytes.slice(71, -66)
      const isFirst = other.#key === NOTHING
      this.#receive([0x85, 1], TOKEN, [0x80], isFirst ? [0x80] : other.#asMember(), [0])
      if (!isFirst) other.#receive([0x84, 6, ++other.#eventCount], this.#key, this.#introduction)
    } else if (bytes[1] === 2) {
      other.#receive([0x84, 10, ++other.#eventCount], this.#key, bytes.slice(36))
    }
  }

  #asMember(): number[] {
    return [0x81, 0x83, ...this.#key, ...this.#introduction, 0xf5]
  }

  createConnection(connection: number): void {
    this.#connection = connection
  }

  describe(connection: number, ticket: number): void {
    this.#later((machine) => machine.described(connection, ticket, this.#offers, SDP))
  }

  apply(connection: number, ticket: number, offer: boolean): void {
    this.#offers = !offer
    this.#later((machine) => {
      machine.applied(connection, ticket)
      if (!offer) for (const side of [this, this.other]) side.#connected()
    })
  }

  #connected(): void {
    this.#later((machine) => {
      machine.transportChanged(this.#connection, 2, 2)
      machine.channelOpened(this.#connection, 0)
    })
  }

  sendFrame(_connection: number, channel: number, bytes: Uint8Array): void {
    const frame = bytes.slice()
    this.other.#later((machine) => machine.frameReceived(this.other.#connection, channel, frame))
  }

  peerJoined(): void {
    this.hasMet = true
  }
}

const NOTHING = new Uint8Array(0)
/** The head of 16 bytes, and 16 of them. */
const TOKEN: readonly number[] = [0x50, ...new Uint8Array(16)]
const SDP = `v=0\r\na=fingerprint:sha-256 ${'AB:'.repeat(31)}AB\r\na=max-message-size:262144\r\n`
const STEPS_MAX = 99
