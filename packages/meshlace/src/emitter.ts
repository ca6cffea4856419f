/** Listeners by event, none of which can break another. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(...given: never[]) => unknown>>()
  readonly #failed: (cause: unknown, event: string) => void
  /** What happened while it is held; undefined while it is not. */
  #held: (() => void)[] | undefined

  /** `failed` is told of every listener that throws or rejects. */
  constructor(failed: (cause: unknown, event: string) => void) {
    this.#failed = failed
  }

  /** Adds a listener; the same function may be added more than once. */
  on<E extends keyof Events>(event: E, listener: (...given: Events[E] & unknown[]) => unknown): () => void {
    let set = this.#listeners.get(event)
    if (set === undefined) this.#listeners.set(event, (set = new Set()))
    const own = (...given: never[]) => listener(...(given as unknown as Events[E] & unknown[]))
    set.add(own)
    return () => void set.delete(own)
  }

  /** Whether anyone listens. */
  heard(event: keyof Events): boolean {
    return (this.#listeners.get(event)?.size ?? 0) > 0
  }

  /** Keeps what happens from now on until {@link release}: who will listen does not have the emitter yet. */
  hold(): void {
    this.#held ??= []
  }

  /** Tells what happened meanwhile. */
  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const tell of held) tell()
  }

  /** Calls the listeners there are at this moment, in the order in which they came. */
  emit<E extends keyof Events>(event: E, ...given: Events[E] & unknown[]): void {
    if (this.#held !== undefined) {
      if (this.#held.length < HELD_COUNT_MAX) this.#held.push(() => this.emit(event, ...given))
      else this.#failed(new Error(`over ${HELD_COUNT_MAX} events before the room was there`), String(event))
      return
    }
    const set = this.#listeners.get(event)
    if (set === undefined || set.size === 0) return
    for (const listener of [...set]) {
      try {
        const result = listener(...(given as never[]))
        // An async listener fails later; without this its error would be nobody's.
        if (result instanceof Promise) result.catch((cause: unknown) => this.#failed(cause, String(event)))
      } catch (cause) {
        this.#failed(cause, String(event))
      }
    }
  }

  /** Forgets every listener. */
  clear(): void {
    this.#listeners.clear()
  }
}

/** The wait for a room's storage takes two seconds at the most; only a flood brings so many. */
const HELD_COUNT_MAX = 10_000
