/** Time as stores know it, so that tests can move it. */
export interface Time {
  /** Units: milliseconds. */
  now(): number
  /** Calls back later; returns how not to. */
  later(run: () => void, delayMs: number): () => void
}

/** The page's own. */
export const pageTime: Time = {
  now: () => performance.now(),
  later(run, delayMs) {
    if (delayMs > 0) {
      const timer = setTimeout(run, delayMs)
      return () => clearTimeout(timer)
    }
    // A timer would be clamped to 4 ms, and in a hidden page to a second.
    const { port1, port2 } = new MessageChannel()
    const close = () => port1.close()
    port1.onmessage = () => {
      close()
      run()
    }
    port2.postMessage(0)
    return close
  },
}
