/**
 * What a ledger is opened with: who we are on this site, which slot we write from, and what is stored. Where
 * the browser stores nothing, all of it lives as long as the page, and the room says so.
 */
import { MeshError } from '../errors.js'
import { IndexedStorage } from '../storage/indexed.js'
import { pageWorld, takeSlot, type Slot } from '../storage/slots.js'
import type { RoomStorage } from '../storage/storage.js'
import type { Plain } from '../store/plain.js'

/** A record as it was stored. */
export type StoredRecord = readonly [key: Uint8Array, bytes: Uint8Array]

/** What is on disk, and the right to write there. */
export interface Kept {
  readonly storage: RoomStorage
  readonly slot: Slot
  readonly records: readonly StoredRecord[]
  /** States of stores, by name of the value. */
  readonly states: Map<string, unknown>
  /** What was dispatched from this slot and waits for the genesis. */
  readonly waiting: readonly WaitingAction[]
}

/** An action that is in no block yet, and the store it is of. */
export type WaitingAction = readonly [store: string, action: Plain]

/** The name of the value that holds what waits to be written from a slot. */
export const waitingName = (slot: Slot): string => `waiting ${slot.number}`

/** How the names of states begin. */
export const STATE_PREFIX = 'state '

/** What there is to open a ledger with. */
export interface Opening {
  /** The secret from which the member keys of all rooms grow. */
  readonly profile: Uint8Array
  /** Where to store; none where nothing can be stored, and then `refused` says why if it was not asked for. */
  readonly kept: Kept | undefined
  readonly refused: MeshError | undefined
}

/** Where the rooms of a page keep what they keep. */
export type StorageChoice = 'browser' | 'memory'

/**
 * Opens what is stored of a room. Never rejects. Where nothing is kept the profile is that of the room's
 * founder, who has not written in it yet, or a fresh one: under its own key a page without memory would
 * write what it wrote before.
 */
export async function openRoom(room: string, choice: StorageChoice, founder: Uint8Array | undefined): Promise<Opening> {
  const unkept = (refused: MeshError | undefined) => ({ profile: founder ?? freshProfile(), kept: undefined, refused })
  if (choice === 'memory') return unkept(undefined)
  // Both at once: until the room's storage is read, `joinRoom` waits for it.
  const opening = IndexedStorage.open(`meshlace ${room}`)
  // It may be refused before anyone waits for it.
  opening.catch(() => undefined)
  const { secret, refused } = await profileOf()
  if (refused !== undefined) {
    void opening.then((storage) => storage.close(), () => undefined)
    return unkept(refused)
  }
  let slot: Slot | undefined
  try {
    slot = await takeSlot(pageWorld(), room, opening)
    if (slot === undefined) throw new MeshError('TooMany', { message: 'too many tabs have this room open' })
    // All of it before anything is opened: of half a history no slot may write on.
    const storage = await opening
    const records: StoredRecord[] = []
    const [states, waiting = []] = await Promise.all([
      storage.values(STATE_PREFIX),
      storage.value(waitingName(slot)) as Promise<WaitingAction[] | undefined>,
      storage.read((key, bytes) => records.push([key, bytes])),
    ])
    // Nobody waits for the disk, nor need it hold: with blocks of ours the mark is replaced once more, in one step.
    slot.begin().catch(() => undefined)
    return { profile: secret, kept: { storage, slot, records, states, waiting }, refused: undefined }
  } catch (error) {
    slot?.release()
    void opening.then((storage) => storage.close(), () => undefined)
    return unkept(error as MeshError)
  }
}

/** The secret of this profile on this site; a fresh one, and why, where none can be kept. */
export function profileOf(): Promise<{ readonly secret: Uint8Array; readonly refused: MeshError | undefined }> {
  return (profile ??= readProfile())
}

let profile: ReturnType<typeof readProfile> | undefined

async function readProfile(): Promise<{ secret: Uint8Array; refused: MeshError | undefined }> {
  try {
    const storage = await IndexedStorage.open('meshlace')
    // What is there needs no transaction that waits for the disk.
    const known = await storage.value('profile')
    const secret = known ?? (await storage.update('profile', (secret) => secret ?? freshProfile()))
    storage.close()
    return { secret: secret as Uint8Array, refused: undefined }
  } catch (error) {
    return { secret: freshProfile(), refused: error as MeshError }
  }
}

function freshProfile(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32))
}
