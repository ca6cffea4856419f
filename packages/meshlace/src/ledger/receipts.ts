/** What becomes of the blocks that were written here, and who waits for it. */
import { MeshError } from '../errors.js'
import type { WrittenBlock } from '../store/source.js'
import type { PeerId } from '../types.js'
import type { LedgerBlock } from './blocks.js'

/** Someone waits until a block is stored (0 peers), or until so many peers hold it. */
interface Waiting {
  readonly author: number
  readonly seq: number
  readonly peerCount: number
  resolve(): void
  reject(reason: unknown): void
}

/** The receipts of a room. */
export class Receipts {
  /** Own blocks below this number in the author's chain are stored. */
  readonly #stored = new Map<number, number>()
  /** The same of each peer, by author. */
  readonly #seen = new Map<number, Map<PeerId, number>>()
  #waiting = new Set<Waiting>()
  #unsaved: MeshError | undefined
  #closed: MeshError | undefined

  /** A block that was just written here. */
  written(block: LedgerBlock): WrittenBlock {
    const { number, authorNumber: author, seq } = block
    return {
      number,
      id: block.id(),
      stored: () => this.#wait(author, seq, 0, undefined),
      seenBy: (count, signal) => this.#wait(author, seq, Math.max(1, count), signal),
    }
  }

  stored(author: number, count: number): void {
    this.#stored.set(author, count)
    this.#settle()
  }

  seen(peer: PeerId, author: number, count: number): void {
    let seen = this.#seen.get(author)
    if (seen === undefined) this.#seen.set(author, (seen = new Map<PeerId, number>()))
    seen.set(peer, Math.max(count, seen.get(peer) ?? 0))
    this.#settle()
  }

  /** What is not stored by now never will be. */
  unsaved(error: MeshError): void {
    this.#unsaved = error
    this.#settle()
  }

  close(error: MeshError): void {
    this.#closed = error
    this.#settle()
  }

  #wait(author: number, seq: number, peerCount: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error)
      const abort = () => waiting.reject(signal?.reason)
      const settle = () => {
        this.#waiting.delete(waiting)
        signal?.removeEventListener('abort', abort)
      }
      const waiting: Waiting = {
        author,
        seq,
        peerCount,
        resolve: () => (settle(), resolve()),
        reject: (reason) => (settle(), reject(reason as Error)),
      }
      signal?.addEventListener('abort', abort)
      this.#waiting.add(waiting)
      this.#settleOne(waiting)
    })
  }

  #settle(): void {
    for (const waiting of this.#waiting) this.#settleOne(waiting)
  }

  #settleOne({ author, seq, peerCount, resolve, reject }: Waiting): void {
    if (peerCount === 0) {
      if (seq < (this.#stored.get(author) ?? 0)) return resolve()
      if (this.#unsaved !== undefined) return reject(this.#unsaved)
    } else {
      let count = 0
      for (const held of this.#seen.get(author)?.values() ?? []) if (seq < held) count += 1
      if (count >= peerCount) return resolve()
    }
    if (this.#closed !== undefined) reject(this.#closed)
  }
}
