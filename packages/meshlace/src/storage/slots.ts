/**
 * Which of a profile's slots this page writes from. One key in two tabs would write two histories, so a
 * slot is held under a Web Lock for as long as the page lives. A reload gets the slot it had; the other
 * tab of a pair that share what they remember, as after "duplicate tab", gets the lowest one that is free.
 *
 * Source: docs/decisions/0012-clean-mark.md.
 */
import type { NamedValue, RoomStorage } from './storage.js'

/** A slot that this page holds. */
export interface Slot {
  readonly number: number
  /**
   * Whether the page that held it before ended in order, and the disk holds what it held then: of a backup
   * from before that it does not.
   */
  readonly isClean: boolean
  /** Makes earlier marks untrue. To be called once, after all was read. */
  begin(): Promise<unknown>
  /** What is to be stored together with what this page wrote: only then is a later mark true. */
  advance(): NamedValue
  /**
   * Says that all that this page wrote is on disk once what was last got from `advance` is, until `markDirty`. Takes
   * effect at once.
   */
  markClean(): void
  /** Takes that back. */
  markDirty(): void
  /** Lets it go, once what is under way has ended. */
  release(underWay?: Promise<unknown>): void
}

/** What of the page's world is used. */
export interface SlotWorld {
  readonly locks: LockManager | undefined
  /** Lives as long as the tab. */
  readonly session: Pick<Storage, 'getItem' | 'setItem'> | undefined
  /** Outlives it, and is written at once: what a page that ends still can do. */
  readonly local: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | undefined
  /** What this very page holds: it will not let go while another room of it waits. */
  readonly held: Set<string>
}

/**
 * Takes a slot of this room; undefined if all are taken.
 *
 * @throws what opening the storage throws.
 */
export async function takeSlot(
  world: SlotWorld,
  room: string,
  opening: RoomStorage | Promise<RoomStorage>,
): Promise<Slot | undefined> {
  const name = `meshlace ${room}`
  // While the storage opens: neither needs the other.
  const locking = world.locks && lockSlot(world.locks, world, name)
  let storage: RoomStorage
  try {
    storage = await opening
  } catch (error) {
    void locking?.then((held) => held?.release())
    throw error
  }
  const held = await (locking ?? freshSlot(storage))
  if (held === undefined) return undefined
  attempt(() => world.session?.setItem(name, String(held.number)))
  const marker = `${name} ${held.number}`
  const token = `clean ${held.number}`
  world.held.add(marker)
  const left = attempt(() => world.local?.getItem(marker)) ?? undefined
  const isClean = left !== undefined && left === (await storage.value(token))
  attempt(() => world.local?.removeItem(marker))
  // A marker that a crash brings back does not fit any more.
  const fresh = String.fromCharCode(...crypto.getRandomValues(new Uint8Array(12)).map((byte) => 97 + (byte & 15)))
  let writtenCount = 0
  const value = () => `${fresh}${writtenCount}`
  return {
    number: held.number,
    isClean,
    begin: () => storage.update(token, value),
    advance() {
      writtenCount += 1
      return { name: token, value: value() }
    },
    markClean: () => attempt(() => world.local?.setItem(marker, value())),
    markDirty: () => attempt(() => world.local?.removeItem(marker)),
    release(underWay) {
      world.held.delete(marker)
      if (underWay === undefined) held.release()
      else void underWay.then(held.release)
    },
  }
}

const heldHere = new Set<string>()

/** The world as this page has it. */
export function pageWorld(): SlotWorld {
  return {
    locks: typeof navigator === 'undefined' ? undefined : (navigator.locks as LockManager | undefined),
    session: attempt(() => globalThis.sessionStorage),
    local: attempt(() => globalThis.localStorage),
    held: heldHere,
  }
}

interface Held {
  readonly number: number
  release(): void
}

async function lockSlot(
  locks: LockManager,
  { session, held: heldHere }: SlotWorld,
  name: string,
): Promise<Held | undefined> {
  const remembered = Number(attempt(() => session?.getItem(name)) ?? NaN)
  if (remembered >= 0 && remembered < SLOT_COUNT_MAX && !heldHere.has(`${name} ${remembered}`)) {
    // After a reload the page that was here before may hold it a little longer.
    const held = await lock(locks, name, remembered, { signal: AbortSignal.timeout(WAIT_MS) })
    if (held !== undefined) return held
  }
  for (let number = 0; number < SLOT_COUNT_MAX; number++) {
    const held = await lock(locks, name, number, { ifAvailable: true })
    if (held !== undefined) return held
  }
  return undefined
}

function lock(locks: LockManager, name: string, number: number, options: LockOptions): Promise<Held | undefined> {
  return new Promise((resolve) => {
    const granted = (lock: Lock | null): Promise<void> | undefined => {
      if (lock === null) {
        resolve(undefined)
        return undefined
      }
      return new Promise<void>((release) => resolve({ number, release }))
    }
    locks.request(`${name} ${number}`, options, granted).catch(() => resolve(undefined))
  })
}

/** Without locks nobody knows who else is here: a slot that was never used. */
async function freshSlot(storage: RoomStorage): Promise<Held | undefined> {
  const used = Number(await storage.update('slots used', (used) => Number(used ?? 0) + 1))
  return used > SLOT_COUNT_MAX ? undefined : { number: used - 1, release: () => undefined }
}

/** Storage of the page may be forbidden, and then throws at any touch. */
function attempt<V>(run: () => V): V | undefined {
  try {
    return run()
  } catch {
    return undefined
  }
}

/** As many as the protocol lets a member have (docs/protocol.md R-306). */
const SLOT_COUNT_MAX = 64
/** Units: milliseconds. */
const WAIT_MS = 2_000
