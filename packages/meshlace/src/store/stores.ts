/**
 * The stores of a room: what is dispatched in a tick becomes a block, and what changes in the order is
 * folded by all of them.
 *
 * Blocks that come at the end are folded at once, in portions between which the page breathes. A late one
 * that moves the tail costs time that its author chooses, so that is done ten times a second at most and
 * takes at most a fifth of the thread.
 */
import { checkPlain } from '../content.js'
import { MeshError } from '../errors.js'
import { Turn } from '../turn.js'
import type { WaitingAction } from '../ledger/opening.js'
import type { Receipt, StoreAction as AnyAction, StoreOptions } from '../ledger/types.js'
import { ACTIONS_BYTES_MAX, isStoreName, packActions, STORE_NAME_LENGTH_MAX } from './actions.js'
import { EarlyContext } from './context.js'
import { PLAIN_DEPTH_MAX } from './plain.js'
import { receiptOf } from './receipt.js'
import { Seldom } from './seldom.js'
import type { Dispatched, FoldBlock, StoreSource, WrittenBlock } from './source.js'
import { MeshStore } from './store.js'
import { pageTime, type Time } from './time.js'

/** Any store; what its states and actions are, only its application knows. */
export type AnyStore = MeshStore<unknown, AnyAction>

/** All stores of one room. */
export class Stores {
  readonly source: StoreSource
  readonly #time: Time
  readonly #stores = new Map<string, AnyStore>()
  /** Dispatched, and in no block yet. */
  #batch: Dispatched[] = []
  /** Resolves when the batch is written. */
  #writing: Promise<void> | undefined
  #written: () => void = () => undefined
  readonly #turn = new Turn(() => this.#write())
  /** The order changed from this place on, and not every store knows. */
  #changedFrom = Infinity
  #cancel: (() => void) | undefined
  /** When a late block may next be folded. */
  #replayAt = 0
  #isReplaying = false
  #closedBy: MeshError | undefined
  readonly #failures: Seldom
  /** Called when all stores have folded what there is. */
  settled: (() => void) | undefined
  /** States from the disk, by store and version, for stores that are opened. */
  kept: ((name: string, version: number) => { readonly count: number; readonly state: unknown } | undefined) | undefined

  constructor(source: StoreSource, time: Time = pageTime) {
    this.source = source
    this.#time = time
    this.#failures = new Seldom((error) => source.report(error), time)
  }

  /** A new store, folded as far as blocks are here. */
  open<S, A extends AnyAction>(name: string, options: StoreOptions<S, A>): MeshStore<S, A> {
    const refuse = (message: string, expected?: string) => {
      throw new MeshError('InvalidArgument', { message, expected, found: String(name) })
    }
    if (!isStoreName(name)) refuse('a store has a name', `1 to ${STORE_NAME_LENGTH_MAX} characters`)
    if (this.#stores.has(name)) refuse(`there is a store '${name}' already`)
    if (!Number.isSafeInteger(options.version)) refuse('a store has a version', 'an integer')
    if (typeof options.reduce !== 'function') refuse('a store has a reducer', 'a function')
    checkPlain(options.initial, PLAIN_DEPTH_MAX)
    const store = new MeshStore(this, name, options)
    this.#stores.set(name, store as unknown as AnyStore)
    if (this.source.isOpen) {
      this.#resume(store)
      store.advance(() => false)
      store.settle()
      this.settled?.()
    } else {
      // A store is opened once: what is here of it was dispatched before a reload.
      for (const each of this.#batch) if (each.store === name) store.adopt(each)
    }
    return store
  }

  /** The store of this name. */
  get(name: string): AnyStore | undefined {
    return this.#stores.get(name)
  }

  /** Every store there is. */
  all(): Iterable<AnyStore> {
    return this.#stores.values()
  }

  earlyContext(): EarlyContext {
    return new EarlyContext(this.source.self(), this.source.isOpen ? this.source.length() : 0)
  }

  // ---- writing

  /** Takes an action into the block of this tick. Returns its receipt, as properties. */
  dispatch(dispatched: Dispatched): { [name in keyof Receipt]: PropertyDescriptor } {
    if (this.#closedBy !== undefined) throw this.#closedBy
    if (this.#batch.length >= BATCH_COUNT_MAX) {
      throw new MeshError('QueueFull', { delivery: 'not-sent', limit: BATCH_COUNT_MAX })
    }
    // Of a shorter text comes no payload that is too long: at worst the four characters `0.1,` become nine bytes.
    if (JSON.stringify(dispatched.action).length > ACTIONS_BYTES_MAX / 4) packActions([dispatched])
    this.#batch.push(dispatched)
    this.#writing ??= new Promise((resolve) => (this.#written = resolve))
    this.#turn.soon()
    return receiptOf(dispatched, this.#writing)
  }

  /** Takes in what was dispatched before a reload and is in no block yet. Returns all that waits. */
  restore(waiting: readonly WaitingAction[]): readonly Dispatched[] {
    for (const [store, action] of waiting) this.#batch.push({ store, action, block: undefined })
    return this.#batch
  }

  /** Writes what waits for the end of a turn that may not come. */
  flush(): void {
    if (this.#batch.length > 0) this.#write()
  }

  #write(): void {
    const batch = this.#batch
    if (!this.source.isOpen) return this.source.waiting(batch)
    this.#batch = []
    this.#writing = undefined
    for (const { payload, list } of batch.length > 0 ? packActions(batch) : []) {
      let block: WrittenBlock | MeshError
      try {
        block = this.source.write(payload)
      } catch (error) {
        block = error as MeshError
      }
      this.#place(list, block)
    }
    this.#written()
  }

  #place(list: readonly Dispatched[], block: WrittenBlock | MeshError): void {
    for (const each of list) {
      each.block = block
      if (!(block instanceof MeshError)) each.placed?.(block.number)
    }
    if (!(block instanceof MeshError)) return
    for (const each of list) this.#stores.get(each.store)?.drop(each)
    this.source.report(block)
  }

  // ---- folding

  /** The ledger is open: what was dispatched before is written. */
  opened(): void {
    for (const store of this.all()) this.#resume(store)
    this.changed(this.source.length())
    this.#write()
  }

  #resume(store: Pick<AnyStore, 'name' | 'version' | 'resume'>): void {
    const kept = this.kept?.(store.name, store.version)
    if (kept !== undefined) store.resume(kept.count, kept.state)
  }

  /** The order changed from this place on. */
  changed(from: number): void {
    this.#changedFrom = Math.min(this.#changedFrom, from)
    for (const store of this.all()) if (from < store.foldedCount) this.#isReplaying = true
    this.#plan()
  }

  /** Something but the order changed. */
  foldAgain(): void {
    this.#plan()
  }

  /** Nothing is folded or written any more. */
  close(error: MeshError): void {
    this.#closedBy = error
    this.#cancel?.()
    this.#turn.close()
    for (const each of this.#batch.splice(0)) each.block = error
    this.#written()
  }

  #plan(): void {
    if (this.#closedBy !== undefined) return
    const wait = this.#isReplaying ? this.#replayAt - this.#time.now() : 0
    // Where a replay waits, so does what comes in the meantime.
    if (wait <= 0) this.#work()
    else this.#cancel ??= this.#time.later(() => this.#work(), wait)
  }

  #work(): void {
    this.#cancel?.()
    this.#cancel = undefined
    if (!this.source.isOpen) {
      for (const store of this.all()) store.settle()
      return
    }
    const begin = this.#time.now()
    const isOver = () => this.#time.now() - begin >= SLICE_MS
    const from = this.#changedFrom
    this.#changedFrom = Infinity
    let isDone = true
    for (const store of this.all()) {
      store.rollBack(from)
      isDone = store.advance(isOver) && isDone
    }
    const spent = this.#time.now() - begin
    const pause = this.#isReplaying ? Math.max(isDone ? REPLAY_MS : 0, PAUSE_FACTOR * spent) : 0
    this.#replayAt = this.#time.now() + pause
    if (!isDone) this.#cancel = this.#time.later(() => this.#work(), pause)
    // What is replayed shows when all of it is; what comes at the end shows as it comes.
    if (!isDone && this.#isReplaying) return
    this.#isReplaying = false
    for (const store of this.all()) store.settle()
    this.settled?.()
  }

  reducerFailed(store: string, block: FoldBlock, at: number, cause: unknown): void {
    this.#failures.tell(`${store} ${block.number} ${at}`, (count) => {
      const message = `the reducer of store '${store}' threw; the action has no effect${count}: ${String(cause)}`
      return new MeshError('ReducerFailed', { message, found: store, cause })
    })
  }
}

/** Actions that wait for the end of the tick, or for the ledger to open. */
const BATCH_COUNT_MAX = 65_536
/** How long is folded before the page may breathe: a frame. Units: milliseconds. */
const SLICE_MS = 16
/** Late blocks are folded ten times a second at most. Units: milliseconds. */
const REPLAY_MS = 100
/** After a time of replaying, four of something else: a fifth of the thread. */
const PAUSE_FACTOR = 4
