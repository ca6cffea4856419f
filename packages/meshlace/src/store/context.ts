/** What reducers are told beside state and action. */
import type { ActionContext, AuthorId, BlockId, MemberId } from '../ledger/types.js'
import { randomOf } from './random.js'
import type { FoldBlock } from './source.js'

/** The context of an action in its place. Text and chance are made when asked for: few reducers do. */
export class PlacedContext implements ActionContext {
  readonly final = false
  readonly #block: FoldBlock
  readonly index: number
  readonly #action: number
  #random: (() => number) | undefined

  constructor(block: FoldBlock, index: number, action: number) {
    this.#block = block
    this.index = index
    this.#action = action
  }

  get author(): AuthorId {
    return this.#block.author
  }

  get member(): MemberId {
    return this.#block.member
  }

  get block(): BlockId {
    return this.#block.id()
  }

  get random(): () => number {
    return (this.#random ??= randomOf(this.#block.idBytes, this.#action))
  }
}

/**
 * The context of an action that has no block yet. It notes whether anything was looked at that the block
 * will change: if not, what came of it holds.
 */
export class EarlyContext implements ActionContext {
  readonly final = false
  readonly author: AuthorId
  readonly member: MemberId
  /** Whether the reducer saw what its block will change. */
  isEarly = false
  readonly #index: number
  #random: (() => number) | undefined

  constructor(self: { readonly author: AuthorId; readonly member: MemberId }, index: number) {
    this.author = self.author
    this.member = self.member
    this.#index = index
  }

  get index(): number {
    this.isEarly = true
    return this.#index
  }

  get block(): BlockId {
    this.isEarly = true
    return ''
  }

  get random(): () => number {
    this.isEarly = true
    return (this.#random ??= randomOf(new Uint8Array(12), 0))
  }
}
