/**
 * When the core's effects are drained: once at the end of the turn, so that all that was sent in it
 * can share frames.
 *
 * The first drain of a turn is a microtask, which costs no latency. Code that sends in a loop with
 * awaits in between would be cut up by that into one frame each, so further drains of the same turn
 * wait for its real end. A message port tells of that: unlike timers it is neither clamped to 4 ms nor
 * throttled in a hidden page.
 */
export class Turn<Input> {
  readonly #drain: (last?: Input) => void
  /** A drain is under way to come. */
  #due = false
  /** This turn has been drained once. */
  #drained = false
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
    if (!this.#drained) {
      queueMicrotask(() => {
        if (this.#due) this.now()
      })
    }
  }

  /** Drains at once, and with it what listeners answer: neither has to wait for the end of the turn. */
  flush(last?: Input): void {
    this.#due = false
    this.#drain(last)
    if (this.#due) {
      this.#due = false
      this.#drain()
    }
  }

  /** The same, as the first drain of this turn. */
  now(last?: Input): void {
    const isFirst = !this.#drained
    this.#drained = true
    this.flush(last)
    // After it: what is sent need not wait for this.
    if (isFirst && !this.#closed) this.#awaitEnd()
  }

  /** Lets go of what it holds. */
  close(): void {
    this.#closed = true
    this.#port?.close()
    this.#port = this.#other = undefined
  }

  #awaitEnd(): void {
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
    this.#drained = false
    // In a turn of its own, after which there is no other end to wait for.
    if (this.#due) this.flush()
  }
}
