// A ledger in memory, whose order a test makes, and a clock that a test moves.
import { MeshError } from '../../src/errors.js'
import type { FoldBlock, PlacedAction, StoreSource, WrittenBlock } from '../../src/store/source.js'
import { decodeActions, encodeActions, type StoreAction } from '../../src/store/actions.js'
import type { Plain } from '../../src/store/plain.js'
import { placedActions } from '../../src/store/blocks.js'
import type { Time } from '../../src/store/time.js'

export class FakeTime implements Time {
  at = 0
  /** Added at each look at the clock: what is done takes time. */
  tickMs = 0
  #timers: { at: number; run: () => void }[] = []

  now(): number {
    return (this.at += this.tickMs)
  }

  later(run: () => void, delayMs: number): () => void {
    const timer = { at: this.at + delayMs, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer)
    }
  }

  get waiting(): number {
    return this.#timers.length
  }

  /** Moves on, running what is due. */
  pass(ms: number): void {
    const end = this.at + ms
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((each) => each !== next)
      this.at = Math.max(this.at, next.at)
      next.run()
    }
    this.at = Math.max(this.at, end)
  }
}

/** A block as a test writes it. */
export interface FakeBlock extends FoldBlock {
  readonly payload: Uint8Array
}

export class FakeLedger implements StoreSource {
  isOpen = true
  order: FakeBlock[] = []
  readonly reported: MeshError[] = []
  readCount = 0
  refuse: MeshError | undefined
  #made = 0

  length(): number {
    return this.order.length
  }

  read(from: number, count: number): readonly FoldBlock[] {
    const blocks = this.order.slice(from, from + count)
    this.readCount += blocks.length
    return blocks
  }

  self(): { author: string; member: string } {
    return { author: 'own', member: 'me' }
  }

  write(payload: Uint8Array): WrittenBlock {
    if (this.refuse !== undefined) throw this.refuse
    const block = this.block(payload, 'own', 'me')
    this.order.push(block)
    return {
      number: block.number,
      id: block.id(),
      stored: () => Promise.resolve(),
      seenBy: () => Promise.resolve(),
    }
  }

  waiting(): void {}

  report(error: MeshError): void {
    this.reported.push(error)
  }

  call(listener: () => void): void {
    listener()
  }

  /** A block that is in no order yet. */
  block(payload: Uint8Array, author = 'ada', member = author): FakeBlock {
    const number = this.#made++
    const idBytes = new Uint8Array(32).fill(number & 0xff)
    idBytes[1] = number >> 8
    let actions: ReadonlyMap<string, readonly PlacedAction[]>
    try {
      actions = placedActions(decodeActions(payload))
    } catch {
      actions = new Map()
    }
    return { number, author, member, idBytes, id: () => `block ${number}`, actions, payload }
  }

  /** A block with these actions of one store. */
  of(store: string, ...actions: object[]): FakeBlock {
    return this.block(encodeActions(actions.map((action): StoreAction => ({ store, action: action as Plain }))))
  }
}
