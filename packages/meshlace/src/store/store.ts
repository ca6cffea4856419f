/**
 * One store: a fold of the order, and on top of it what was dispatched here and has no place yet.
 *
 * ```text
 * dispatch ---> pending, shown at once ---(end of the tick: written)---(told of the order)---> folded
 * ```
 *
 * A pending action is reduced when it is dispatched. Where its block then comes to stand upon the very
 * state that it was reduced upon, and its reducer did not look at the block, the result is taken over: so
 * a dispatch costs one call of the reducer, and the state that was shown stays the same object.
 */
import { MeshError } from '../errors.js'
import type {
  ActionContext,
  Receipt,
  SharedStore,
  StoreAction,
  StoreObservable,
  StoreOptions,
  StoreReducer,
} from '../ledger/types.js'
import type { Unsubscribe } from '../types.js'
import { EarlyContext, PlacedContext } from './context.js'
import { Fold } from './fold.js'
import { plainCopy, type Plain } from './plain.js'
import type { Dispatched, FoldBlock } from './source.js'
import type { Stores } from './stores.js'

/** An action that the fold has not come to. */
interface Pending<S> extends Dispatched {
  before: S
  after: S
  context: EarlyContext
  isFolded: boolean
}

/** Before the class, whose member it names. Redux and RxJS look under this name where the symbol is not there. */
const observable: typeof Symbol.observable = Symbol.observable ?? ('@@observable' as unknown as symbol)

/** The object behind {@link SharedStore}. Its methods are bound: who has a Redux store may pass them on alone. */
export class MeshStore<S, A extends StoreAction> implements SharedStore<S, A> {
  readonly name: string
  readonly version: number
  readonly #stores: Stores
  readonly #initial: S
  readonly #allow: StoreOptions<S, A>['allow']
  #reduce: StoreReducer<S, A>
  #fold: Fold<S>
  #pending: Pending<S>[] = []
  /** Of the pending ones, those that have a block. */
  readonly #written = new Map<number, Pending<S>[]>()
  #shown: S
  #listeners: readonly (() => void)[] = []
  #isReducing = false

  constructor(stores: Stores, name: string, options: StoreOptions<S, A>) {
    this.#stores = stores
    this.name = name
    this.version = options.version
    this.#initial = this.#shown = options.initial
    this.#reduce = options.reduce
    this.#allow = options.allow
    this.#fold = new Fold(options.initial)
  }

  readonly getState = (): S => this.#shown

  readonly getFinalState = (): S => this.#initial

  readonly dispatch = <T extends A>(action: T): T & Receipt => {
    if (this.#isReducing) throw new MeshError('InvalidArgument', { message: 'a reducer must not dispatch' })
    const copy = plainCopy(action) as T & Plain
    if (typeof copy.type !== 'string') {
      const found = typeof copy.type
      throw new MeshError('InvalidArgument', { message: 'an action has a type', expected: 'string', found })
    }
    const context = this.#stores.earlyContext()
    let cause: unknown
    if (!this.#isAllowed(this.#shown, copy, context, (thrown) => (cause = thrown))) {
      throw new MeshError('NotAllowed', { found: copy.type, cause })
    }
    const pending = this.#pend({ store: this.name, action: copy, block: undefined }, context)
    const receipt = this.#stores.dispatch(pending)
    this.#add(pending)
    return Object.defineProperties({ ...action }, receipt) as T & Receipt
  }

  readonly subscribe = (listener: () => void): Unsubscribe => {
    const own = () => listener()
    this.#listeners = [...this.#listeners, own]
    return () => {
      this.#listeners = this.#listeners.filter((each) => each !== own)
    }
  }

  readonly replaceReducer = (next: StoreReducer<S, A>): void => {
    this.#reduce = next
    this.#fold = new Fold(this.#initial)
    for (const pending of this.#pending) pending.context.isEarly = true
    this.#stores.foldAgain()
  }

  [observable](): StoreObservable<S> {
    const source: StoreObservable<S> = {
      subscribe: (observer) => {
        const tell = () => observer.next?.(this.#shown)
        tell()
        return { unsubscribe: this.subscribe(tell) }
      },
      [observable]: () => source,
    }
    return source
  }

  // ---- for the stores of the room

  /** How many blocks are folded. */
  get foldedCount(): number {
    return this.#fold.count
  }

  /** The state after them. */
  get foldedState(): S {
    return this.#fold.state
  }

  /** Goes on from a state that was stored. */
  resume(count: number, state: unknown): void {
    this.#fold.resume(count, state as S)
  }

  rollBack(place: number): void {
    this.#fold.rollBack(place)
  }

  /** Folds on; returns whether it is at the end. Nothing of it shows before `settle`. */
  advance(isOver: () => boolean): boolean {
    return this.#fold.advance(this.#stores.source, this.#step, isOver)
  }

  /** Shows what was folded, with what has no place yet on top. */
  settle(): void {
    let state = this.#fold.state
    this.#pending = this.#pending.filter(({ isFolded }) => !isFolded)
    for (const pending of this.#pending) {
      if (pending.before !== state || pending.context.isEarly) {
        pending.before = state
        pending.context = this.#stores.earlyContext()
        this.#reduceEarly(pending)
      }
      state = pending.after
    }
    this.#show(state)
  }

  /** Takes over what was dispatched before a reload. */
  adopt(dispatched: Dispatched): void {
    this.#add(this.#pend(dispatched, this.#stores.earlyContext()))
  }

  /** Nothing dispatched will be written any more. */
  drop(dispatched: Dispatched): void {
    this.#pending = this.#pending.filter((pending) => pending !== dispatched)
    this.#stores.foldAgain()
  }

  // ---- private

  #pend(dispatched: Dispatched, context: EarlyContext): Pending<S> {
    const pending: Pending<S> = Object.assign(dispatched, {
      before: this.#shown,
      after: this.#shown,
      context,
      isFolded: false,
      placed: (block: number) => this.#placed(pending, block),
    })
    return pending
  }

  #add(pending: Pending<S>): void {
    this.#pending.push(pending)
    this.#reduceEarly(pending)
    this.#show(pending.after)
  }

  #placed(pending: Pending<S>, block: number): void {
    const written = this.#written.get(block)
    if (written === undefined) this.#written.set(block, [pending])
    else written.push(pending)
  }

  /** What throws is told of, and tried again, when its place is known. */
  #reduceEarly(pending: Pending<S>): void {
    const { before, context } = pending
    const action = pending.action as A & Plain
    const failed = () => (context.isEarly = true)
    const isAllowed = this.#isAllowed(before, action, context, failed)
    pending.after = isAllowed ? this.#next(before, action, context, failed) : before
  }

  readonly #step = (state: S, block: FoldBlock, index: number): S => {
    const actions = block.actions.get(this.name)
    if (actions === undefined) return state
    const written = this.#written.get(block.number)
    this.#written.delete(block.number)
    actions.forEach(({ at, action }, nth) => {
      const early = written?.[nth]
      if (early !== undefined) early.isFolded = true
      const holds = early?.before === state && !early.context.isEarly && early.context.author === block.author
      if (holds) state = early.after
      else state = this.#placedNext(state, action as A & Plain, block, index, at)
    })
    return state
  }

  #placedNext(state: S, action: A & Plain, block: FoldBlock, index: number, at: number): S {
    const context = new PlacedContext(block, index, at)
    const failed = (cause: unknown) => this.#stores.reducerFailed(this.name, block, at, cause)
    return this.#isAllowed(state, action, context, failed) ? this.#next(state, action, context, failed) : state
  }

  #isAllowed(state: S, action: A, context: ActionContext, failed: (cause: unknown) => void): boolean {
    if (this.#allow === undefined) return true
    try {
      return this.#guarded(() => this.#allow!(state, action, context)) === true
    } catch (cause) {
      failed(cause)
      return false
    }
  }

  /** What an action makes of a state: nothing, where the reducer throws or gives nothing. */
  #next(state: S, action: A, context: ActionContext, failed: (cause: unknown) => void): S {
    try {
      const next = this.#guarded(() => this.#reduce(state, action, context))
      if (next !== undefined) return next
      failed(new TypeError('the reducer returned undefined'))
    } catch (cause) {
      failed(cause)
    }
    return state
  }

  #guarded<V>(run: () => V): V {
    this.#isReducing = true
    try {
      return run()
    } finally {
      this.#isReducing = false
    }
  }

  #show(state: S): void {
    if (Object.is(state, this.#shown)) return
    this.#shown = state
    for (const listener of this.#listeners) this.#stores.source.call(listener)
  }
}
