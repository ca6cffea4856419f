// Web Locks and the two small storages of a page, shared by the tabs of a test.
import type { SlotWorld } from '../../src/storage/slots.js'

export class FakeLocks {
  readonly #held = new Map<string, (() => void)[]>()

  /** As much of `LockManager` as slots use. */
  readonly manager = {
    request: (name: string, options: LockOptions, granted: (lock: Lock | null) => Promise<void> | undefined) =>
      this.#request(name, options, granted),
  } as unknown as LockManager

  async #request(
    name: string,
    { ifAvailable, signal }: LockOptions,
    granted: (lock: Lock | null) => Promise<void> | undefined,
  ): Promise<void> {
    const waiting = this.#held.get(name)
    if (waiting !== undefined) {
      if (ifAvailable === true) return granted(null)
      await new Promise<void>((resolve, reject) => {
        waiting.push(resolve)
        signal?.addEventListener('abort', () => {
          waiting.splice(waiting.indexOf(resolve), 1)
          reject(signal.reason as Error)
        })
      })
    }
    const after = waiting ?? []
    this.#held.set(name, after)
    await granted({ name, mode: 'exclusive' })
    const next = after.shift()
    if (next === undefined) this.#held.delete(name)
    else next()
  }
}

export class FakeItems {
  readonly items = new Map<string, string>()
  getItem = (name: string) => this.items.get(name) ?? null
  setItem = (name: string, value: string) => void this.items.set(name, value)
  removeItem = (name: string) => void this.items.delete(name)

  /** What "duplicate tab" gives the other tab. */
  copy(): FakeItems {
    const copy = new FakeItems()
    for (const [name, value] of this.items) copy.setItem(name, value)
    return copy
  }
}

/** A tab of a profile. */
export function tabOf(locks: FakeLocks, local: FakeItems, session = new FakeItems()): SlotWorld & { session: FakeItems } {
  return { locks: locks.manager, local, session, held: new Set() }
}
