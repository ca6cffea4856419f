/**
 * When the core's effects are drained: once at the end of the turn, so that all that was sent in it
 * can share frames.
 *
 * The first drain of a turn is a microtask, which costs no latency. Code that sends in a loop with
 * awaits in between would be cut up by that into one frame each, so further drains of the same turn
 * wait for its real end. A message port tells of that: unlike timers it is neither clamped to 4 ms nor
 * throttled in a hidden page. It is asked only where there is a second drain, for asking costs as much
 * as handling an event: until then a turn is over when an event comes, or after a millisecond.
 */
export class Turn<Input> {
  readonly #drain: (last?: Input) => void
  /** A drain is under way to come. */
  #due = false
  /** When this turn was drained for the first time, if it was. Units: milliseconds. */
  #drainedAt = -Infinity
  #closed = false
  #port: MessagePort | undefined
  #other: MessagePort | undefined

  /** `drain` takes a last input, where there is one, and all that the inputs led to. */
  constructor(drain: (last?: Input) => void) {
    this.#drain = drain
  }

  /** Drains at the end of the turn. */
  soon(): void {
    if (this.#due) return
    this.#due = true
    if (performance.now() - this.#drainedAt < TURN_MS) this.#awaitEnd()
    else {
      queueMicrotask(() => {
        if (!this.#due) return
        this.#drainedAt = performance.now()
        this.#flush()
      })
    }
  }

  /** A turn begins with this input: drains at once, and with it what listeners answer. */
  begin(input: Input): void {
    this.#drainedAt = -Infinity
    this.#flush(input)
  }

  /** Lets go of what it holds. */
  close(): void {
    this.#closed = true
    this.#port?.close()
    this.#port = this.#other = undefined
  }

  #flush(last?: Input): void {
    this.#due = false
    this.#drain(last)
    if (this.#due) {
      this.#due = false
      this.#drain()
    }
  }

  #awaitEnd(): void {
    if (this.#closed) return
    if (this.#port === undefined) {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => this.#ended()
      // In Node a port would keep the process from ending.
      ;(port1 as { unref?: () => void }).unref?.()
      this.#port = port1
      this.#other = port2
    }
    this.#other!.postMessage(0)
  }

  #ended(): void {
    this.#drainedAt = -Infinity
    if (this.#due) this.#flush()
  }
}

/** A turn that drained its inputs longer ago, and no further ones since, is taken for over. */
const TURN_MS = 1
