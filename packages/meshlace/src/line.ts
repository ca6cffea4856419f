/**
 * Keeps sends in the order of their calls. A `Blob` or `File` has to be read before it can be handed
 * to the core; what is sent after it waits until that is done.
 */
export class Line {
  readonly #waiting: (() => Promise<void> | undefined)[] = []
  #held = false

  /** Whether a step taken now would have to wait. */
  get held(): boolean {
    return this.#held
  }

  /** Takes the step at once if nothing is before it. A step that returns a promise holds the rest. */
  take(step: () => Promise<void> | undefined): void {
    if (this.#held) this.#waiting.push(step)
    else this.#run(step)
  }

  #run(step: () => Promise<void> | undefined): void {
    const holding = step()
    if (holding === undefined) return
    this.#held = true
    const release = () => {
      this.#held = false
      while (!this.#held) {
        const next = this.#waiting.shift()
        if (next === undefined) return
        this.#run(next)
      }
    }
    holding.then(release, release)
  }
}
