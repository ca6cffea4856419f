/** Messages kept until somebody listens, within bounds. */

/** Keeps what was said before the first listener came. */
export class Unheard<M> {
  #kept: M[] | undefined = []
  #bytes = 0
  /** What was not kept since the last listener came. */
  droppedCount = 0

  /** Whether nobody has ever listened. */
  get waiting(): boolean {
    return this.#kept !== undefined
  }

  /** Keeps a message, or counts it as dropped. */
  keep(message: M, bytes: number): 'kept' | 'dropped' {
    if (this.#kept === undefined) return 'dropped'
    if (this.#kept.length >= UNHEARD_COUNT_MAX || this.#bytes + bytes > UNHEARD_BYTES_MAX) {
      this.droppedCount += 1
      return 'dropped'
    }
    this.#kept.push(message)
    this.#bytes += bytes
    return 'kept'
  }

  /** Somebody listens: gives what was kept. Nothing is kept from now on. */
  release(): M[] {
    const kept = this.#kept ?? []
    this.#kept = undefined
    this.#bytes = 0
    return kept
  }
}

/** Messages kept until the application listens. */
export const UNHEARD_COUNT_MAX = 1_000
/** Bytes kept until the application listens. */
export const UNHEARD_BYTES_MAX = 1024 * 1024
