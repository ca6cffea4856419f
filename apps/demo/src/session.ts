// The room of this page: how it is opened, and what becomes of it.

import { signal } from '@preact/signals'
import { createRoom, joinRoom, MeshError, type Room, type RoomStatus } from 'meshlace'

import { failure, forked, forkerLeft, unkept, type Failure } from './words'

/** What everybody shows of themselves. */
export interface Presence {
  name: string
  hue: number
  microphone: boolean
  camera: boolean
}

/** What is said in a room of this page. A file follows its announcement as a message of its own. */
export type Said =
  | { kind: 'text', text: string }
  | { kind: 'file', name: string, size: number, type: string }

/** The room's types, for `meshlace`. */
export interface DemoRoom {
  message: Said | File
  presence: Presence
}

export type DemoRoomHandle = Room<DemoRoom>

/** Where this page stands. */
export type Phase =
  | { name: 'opening', what: 'create' | 'join' }
  | { name: 'failed', failure: Failure }
  | { name: 'here', room: DemoRoomHandle }
  | { name: 'over', failure: Failure | null }

export const phase = signal<Phase>({ name: 'opening', what: 'join' })
export const status = signal<RoomStatus>('linking')
/** The last trouble that no call could be told of. Shown until it is dismissed or the next one comes. */
export const trouble = signal<string | null>(null)
/** Why nothing is kept in this browser, if that is so. A state, not an event: it lasts as long as the page. */
export const storageTrouble = signal<string | null>(null)

/** Whether the room's founding block is here. Until then what is dispatched is kept, and waits to be written. */
export const ledgerIsOpen = signal(false)

let leaving = false

/** Opens the room that the page's address names, or a new one where it names none. */
export async function open(begin: (room: DemoRoomHandle) => void): Promise<void> {
  const address = location.href
  const what = location.hash.length > 1 ? 'join' : 'create'
  phase.value = { name: 'opening', what }
  leaving = false
  storageTrouble.value = null
  ledgerIsOpen.value = false
  try {
    const room = what === 'join'
      ? await joinRoom<DemoRoom>(address)
      : await createRoom<DemoRoom>({ server: serverOfPage(), page: address })
    // The invite is the page's own address from here on; `replaceState` fires no `hashchange`.
    if (what === 'create') history.replaceState(null, '', room.address)
    status.value = room.status
    room.on('status', next => {
      status.value = next
      if (next === 'closed') over(null)
    })
    room.on('error', error => {
      if (error.code === 'Replaced') over(failure(error))
      else if (unkept[error.code] !== undefined) storageTrouble.value = unkept[error.code] ?? null
      else if (error.code === 'AuthorForked') trouble.value = error.peer === undefined ? forked : forkerLeft
      // A lost server is a state, not an event: the page shows it as long as it lasts.
      else if (error.code !== 'SignallingLost') trouble.value = error.message
    })
    // From this browser, from a file, or with the first person we meet.
    room.ledger.ready.then(() => { ledgerIsOpen.value = true }, () => undefined)
    begin(room)
    phase.value = { name: 'here', room }
  } catch (error) {
    phase.value = { name: 'failed', failure: failure(error) }
  }
}

/** Says goodbye to everybody. The page stays, and can join again. */
export async function leave(): Promise<void> {
  if (phase.value.name !== 'here') return
  leaving = true
  const { room } = phase.value
  phase.value = { name: 'over', failure: null }
  await room.leave()
}

/** Forgets the address and opens a new room. */
export function openNewRoom(): void {
  location.assign(location.pathname + location.search)
}

/** The server is whatever served this page. */
export function serverOfPage(): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}`
}

/** Ends the room for the page. A reason that is known wins over the bare fact, whichever is told first. */
function over(why: Failure | null): void {
  if (why === null && phase.value.name === 'over') return
  phase.value = { name: 'over', failure: leaving ? null : why ?? failure(new MeshError('RoomClosed')) }
}
