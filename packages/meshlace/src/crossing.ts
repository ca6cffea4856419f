/**
 * The crossing between TypeScript and the WebAssembly core: every call goes in by its number with its
 * arguments as bytes, and what the core says comes out as bytes in turn.
 */
import { CALLS, EFFECTS, NOTICES } from '../generated/names.js'
import { MeshError } from './errors.js'
import type { Effects, Machine, Notices } from './machine.js'
import { Core, instantiate } from './module.js'
import { ValueReader, ValueWriter, type Hearers } from './values.js'

/** A server as it crosses. */
export type IceServerValues = [urls: string[], username: string | undefined, credential: string | undefined]

/** What only those call who open or make rooms, and tests. */
export interface Tools {
  /** Makes the node of this machine. `at` has said what time it is. Throws a MeshError. */
  open(
    address: string,
    server: string | undefined,
    identity: Uint8Array | undefined,
    iceServers: IceServerValues[] | undefined,
    relayOnly: boolean,
    timeoutMs: number | undefined,
    seed: Uint8Array,
  ): void
  /** Makes a room: its address and genesis. Throws a MeshError. */
  createRoom(
    owned: boolean,
    name: string,
    profile: Uint8Array,
    nonce: Uint8Array,
    secret: Uint8Array,
    page: string | undefined,
    server: string,
  ): [address: string, genesis: Uint8Array]
  /** The hash of a store's state. */
  stateHash(bytes: Uint8Array): Uint8Array
  /** For tests: reads bytes as one kind of thing and writes them again. Throws a MeshError. */
  reencode(kind: string, bytes: Uint8Array): Uint8Array
  /** For tests: 1 if `key` signed `message`, else 0. */
  verifySignature(key: Uint8Array, message: Uint8Array, signature: Uint8Array): number
}

/** Lets machines be made. */
export function prepare(module: WebAssembly.Module): void {
  instantiate(module, (written, beside) => calling!.take(written, beside))
  const methods = Crossing.prototype as unknown as Record<string, unknown>
  CALLS.forEach((name, number) => {
    methods[name] ??= function (this: Crossing, ...values: unknown[]) {
      return this.call(number, values)
    }
  })
}

/** A machine with no node yet; `prepare` must have been called. */
export function newMachine(): Machine & Tools {
  return new Crossing() as unknown as Machine & Tools
}

/** Whose core is at work. */
let calling: Crossing | undefined

const writer = /* @__PURE__ */ new ValueWriter()

class Crossing implements Hearers, Pick<Machine, 'at' | 'drain' | 'free' | 'frameReceived'> {
  readonly #core = new Core()
  readonly #peers: string[] = []
  #monotonic = 0
  #wall = 0
  #effects: Effects | undefined
  #notices: Notices | undefined
  #result: unknown
  /** `DRAINS` while the next call is to be drained in the same crossing, else 0. */
  #drains = 0
  /** What the last call returned that was drained, until another is made. */
  #deadline: number | undefined

  at(monotonic: number, wall: number): void {
    this.#monotonic = monotonic
    this.#wall = wall
  }

  drain(effects: Effects, notices: Notices, input?: (machine: Machine) => void): number {
    this.#effects = effects
    this.#notices = notices
    this.#deadline = undefined
    this.#drains = DRAINS
    input?.(this as unknown as Machine)
    // What calls nothing has drained nothing, and what calls twice only the first of it.
    this.#drains = this.#deadline === undefined ? DRAINS : 0
    return this.#deadline ?? (this.call(TIMEOUT, []) as number)
  }

  frameReceived(connection: number, channel: number, bytes: Uint8Array): void {
    this.#enter((drains) => this.#core.frame(this.#monotonic, this.#wall, connection, channel | drains, bytes))
  }

  free(): void {
    this.#core.free()
  }

  call(number: number, values: unknown[]): unknown {
    this.#result = undefined
    const written = writer.write(values)
    const returned = this.#enter((drains) => this.#core.call(this.#monotonic, this.#wall, number | drains, written, writer.beside))
    const result = this.#result
    if (result instanceof MeshError) throw result
    return result ?? returned
  }

  take(written: Uint8Array, beside: Uint8Array): void {
    if (ValueReader.readsRecords(written)) new ValueReader(written, beside, this.#peers).records(this)
    else {
      // A result outlives the call, and whoever reads words of it wants it to begin at one.
      const result = new ValueReader(written.slice(), beside, this.#peers).value()
      this.#result = result instanceof Uint8Array ? result.slice() : result
    }
  }

  #enter(run: (drains: number) => number): number {
    const drains = this.#drains
    this.#drains = 0
    const before = calling
    calling = this
    const returned = run(drains)
    calling = before
    this.#deadline = drains > 0 ? returned : undefined
    return returned
  }

  effect(number: number, values: unknown[]): void {
    ;(this.#effects as unknown as Methods)[EFFECTS[number]!]!(...values)
  }

  notice(number: number, values: unknown[]): void {
    ;(this.#notices as unknown as Methods)[NOTICES[number]!]!(...values)
  }
}

type Methods = Record<string, (...values: unknown[]) => void>

const TIMEOUT = 0 satisfies (typeof CALLS extends readonly ['timeout', ...unknown[]] ? 0 : never)
/** Beside the number of a call, or of a channel: what it led to is drained at once, and it returns the deadline. */
const DRAINS = 0x100
