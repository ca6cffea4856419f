/**
 * The fold of one store over the order: the state after so many blocks, and states along the way to go
 * back to when a late block moves the tail.
 *
 * Kept states lie the denser the nearer they are to the end: eight in each stretch that is twice as far
 * back as the one before. To go back `d` blocks costs to fold at most `d / 8` more than those, however
 * long the history is, and their number grows with its logarithm. A kept state costs what differs in it:
 * states share what they have in common.
 */
import type { FoldBlock, StoreSource } from './source.js'

/** A state after so many blocks. */
interface Kept<S> {
  readonly count: number
  readonly state: S
}

/** What a block makes of a state. `index` is its place. */
export type Step<S> = (state: S, block: FoldBlock, index: number) => S

/** One fold. */
export class Fold<S> {
  /** The state after `count` blocks. */
  state: S
  /** How many blocks are folded. */
  count = 0
  #kept: Kept<S>[]

  constructor(initial: S) {
    this.state = initial
    this.#kept = [{ count: 0, state: initial }]
  }

  /** How many states are kept. */
  get keptCount(): number {
    return this.#kept.length
  }

  /** Goes on from a state that was kept elsewhere. */
  resume(count: number, state: S): void {
    this.#kept.push({ count, state })
    this.count = count
    this.state = state
  }

  /** The order changed from this place on: goes back to the newest state that it leaves as it is. */
  rollBack(place: number): void {
    if (place >= this.count) return
    // The first one is after no block at all.
    while (this.#kept.length > 1 && this.#kept.at(-1)!.count > place) this.#kept.pop()
    const { count, state } = this.#kept.at(-1)!
    this.count = count
    this.state = state
  }

  /** Folds on to the end, or until `isOver` says so. Returns whether it is at the end. */
  advance(source: StoreSource, step: Step<S>, isOver: () => boolean): boolean {
    while (this.count < source.length()) {
      for (const block of source.read(this.count, PORTION_COUNT)) {
        this.state = step(this.state, block, this.count)
        this.count += 1
        this.#kept.push({ count: this.count, state: this.state })
      }
      if (this.#kept.length > KEPT_COUNT_MAX) this.#thin()
      if (isOver()) break
    }
    return this.count >= source.length()
  }

  /** Leaves out states that lie denser than their distance asks for. */
  #thin(): void {
    this.#kept = this.#kept.filter(({ count }) => {
      const distance = this.count - count + 1
      const spacing = 2 ** Math.max(0, Math.floor(Math.log2(distance)) - KEPT_BITS)
      return count % spacing === 0
    })
  }
}

/** Eight states in each stretch. */
const KEPT_BITS = 3
/** Blocks between looks at the clock. */
const PORTION_COUNT = 64
/** Of 2^32 blocks 8 x 32 are kept; what came since is thinned out when it is as many again. */
const KEPT_COUNT_MAX = 512
