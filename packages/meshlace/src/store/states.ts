/**
 * What is done with states once nothing has changed for a while: each is hashed, and the hash told to the
 * other peers, who compare it to theirs where they hold the same blocks; and each is kept on disk, so that
 * the next start need not fold all of history.
 *
 * Two pages that hold the same blocks and come to different states have a reducer that is not
 * deterministic. Each of them then tells the other the hashes of the keys of its state, so that both can
 * say which ones differ.
 *
 * ```text
 * idle ---> [digest, [[store, version, hash], ..]] to all ---(differs)---> [digest, store, version, hash, keys] to one
 * ```
 */
import { MeshError } from '../errors.js'
import { textOf } from '../ledger/text.js'
import type { Divergence } from '../ledger/types.js'
import type { PeerId } from '../types.js'
import { canonicalJson, isObject } from './plain.js'
import type { StoreSource } from './source.js'
import type { AnyStore, Stores } from './stores.js'
import { pageTime, type Time } from './time.js'

/** A state as it is kept on disk. */
export interface KeptState {
  /** After so many blocks. */
  readonly count: number
  /** The hash of their ids. */
  readonly prefix: string
  readonly state: unknown
}

/** What states need of their room. */
export interface StatesRoom extends StoreSource {
  /** The context `state` of the core's hash. */
  hash(bytes: Uint8Array): Uint8Array
  /** Equal on pages that hold the same blocks. */
  digest(): string
  /** The ids of the first blocks in the order, one after the other. */
  ids(count: number): Uint8Array
  /** Tells the other peers, or one. */
  tell(to: PeerId | undefined, message: unknown): void
  diverged(divergence: Divergence): void
  /** Keeps a state on disk, under its store's name and version. */
  keep(name: string, version: number, kept: KeptState): void
}

/** A state that was hashed. */
interface Hashed {
  readonly state: unknown
  readonly hash: string
}

/** The states of one room. */
export class States {
  readonly #room: StatesRoom
  readonly #stores: Stores
  readonly #time: Time
  #cancel: (() => void) | undefined
  /** As of the digest for which they were told. */
  #digest = ''
  readonly #hashed = new Map<string, Hashed>()
  /** What peers said last. */
  readonly #heard = new Map<PeerId, readonly [digest: string, states: readonly (readonly unknown[])[]]>()
  /** Store and peer of what was told or heard. */
  readonly #told = new Set<string>()
  readonly #keptCounts = new Map<string, number>()
  readonly #unplain = new Set<string>()
  #costMs = 0

  constructor(room: StatesRoom, stores: Stores, time: Time = pageTime) {
    this.#room = room
    this.#stores = stores
    this.#time = time
  }

  /** Something was folded. */
  changed(): void {
    this.#cancel?.()
    // A state that takes long to hash is hashed seldom: a hundredth of the thread.
    this.#cancel = this.#time.later(() => this.#idle(), Math.max(IDLE_MS, 100 * this.#costMs))
  }

  close(): void {
    this.#cancel?.()
  }

  /** The state on disk is of the blocks that are here. */
  holds(kept: KeptState): boolean {
    return kept.count <= this.#room.length() && this.#prefix(kept.count) === kept.prefix
  }

  /** What a peer said of its states, which may be anything. */
  heard(peer: PeerId, message: unknown): void {
    if (!Array.isArray(message) || typeof message[0] !== 'string') return
    const [digest, ...rest] = message as [string, ...unknown[]]
    if (Array.isArray(rest[0])) {
      if (this.#heard.size >= HEARD_COUNT_MAX) this.#heard.clear()
      this.#heard.set(peer, [digest, rest[0].filter(Array.isArray)])
      this.#compare(peer)
    } else if (digest === this.#digest) this.#differs(peer, rest)
  }

  #idle(): void {
    this.#cancel = undefined
    if (!this.#room.isOpen) return
    const begin = this.#time.now()
    this.#digest = this.#room.digest()
    this.#hashed.clear()
    for (const store of this.#stores.all()) {
      this.#hash(store)
      this.#keep(store)
    }
    this.#costMs = this.#time.now() - begin
    if (this.#hashed.size === 0) return
    const states = [...this.#hashed].map(([name, { hash }]) => [name, this.#stores.get(name)!.version, hash])
    this.#room.tell(undefined, [this.#digest, states])
    for (const peer of this.#heard.keys()) this.#compare(peer)
  }

  #hash(store: AnyStore): void {
    const { name, foldedState: state } = store
    let json: string
    try {
      json = canonicalJson(state)
    } catch (cause) {
      if (this.#unplain.has(name)) return
      this.#unplain.add(name)
      const { found } = cause as MeshError
      const message = `the state of store '${name}' is not plain JSON and cannot be compared: ${String(found)}`
      this.#room.report(new MeshError('NotSerializable', { message, found, cause }))
      return
    }
    this.#hashed.set(name, { state, hash: this.#hashOf(json) })
  }

  #compare(peer: PeerId): void {
    const [digest, states] = this.#heard.get(peer)!
    if (digest !== this.#digest) return
    for (const [name, version, hash] of states) {
      const own = this.#hashed.get(name as string)
      if (own === undefined || own.hash === hash || this.#stores.get(name as string)?.version !== version) continue
      if (!this.#isFirst(`told ${String(name)} ${peer}`)) continue
      this.#room.tell(peer, [this.#digest, name, version, own.hash, this.#keysOf(own.state)])
    }
  }

  /** A peer came to another state of the same blocks. */
  #differs(peer: PeerId, [name, version, hash, keys]: readonly unknown[]): void {
    const own = this.#hashed.get(name as string)
    if (own === undefined || own.hash === hash || this.#stores.get(name as string)?.version !== version) return
    if (!this.#isFirst(`heard ${String(name)} ${peer}`)) return
    const ownKeys = this.#keysOf(own.state)
    const theirKeys = isObject(keys) ? keys : {}
    const differing = [...new Set([...Object.keys(ownKeys), ...Object.keys(theirKeys)])]
      .filter((key) => ownKeys[key] !== theirKeys[key])
      .slice(0, KEY_COUNT_MAX)
    this.#room.diverged({
      store: name as string,
      version: version as number,
      length: this.#room.length(),
      peer,
      keys: differing,
      own: own.hash,
      theirs: String(hash).slice(0, own.hash.length),
    })
  }

  /** Whether this is said for the first time: a peer may say the same as often as it likes. */
  #isFirst(what: string): boolean {
    if (this.#told.has(what)) return false
    if (this.#told.size >= HEARD_COUNT_MAX) this.#told.clear()
    this.#told.add(what)
    return true
  }

  /** A short hash of the value under each key, where there are few. */
  #keysOf(state: unknown): Record<string, string> {
    if (!isObject(state)) return {}
    const keys = Object.keys(state).slice(0, KEY_COUNT_MAX)
    return Object.fromEntries(keys.map((key) => [key, this.#hashOf(canonicalJson(state[key])).slice(0, 8)]))
  }

  #keep({ name, version, foldedCount: count, foldedState: state }: AnyStore): void {
    if (count - (this.#keptCounts.get(name) ?? 0) < KEEP_COUNT || this.#unplain.has(name)) return
    this.#keptCounts.set(name, count)
    this.#room.keep(name, version, { count, prefix: this.#prefix(count), state })
  }

  #prefix(count: number): string {
    return textOf(this.#room.hash(this.#room.ids(count)))
  }

  #hashOf(text: string): string {
    return textOf(this.#room.hash(new TextEncoder().encode(text)))
  }
}

/** Nothing came for so long. Units: milliseconds. */
const IDLE_MS = 2_000
/** Fewer blocks are folded in less time than it takes to read a state. */
const KEEP_COUNT = 1_024
/** Peers heard and told of. */
const HEARD_COUNT_MAX = 1_024
/** Keys that are told of a state. */
const KEY_COUNT_MAX = 64
