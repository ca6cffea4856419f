// Who is here: names and colours travel as presence, states come from the links.

import { computed, signal } from '@preact/signals'

import type { DemoRoomHandle, Presence } from './session'

export interface Person {
  id: string
  name: string
  /** OKLCH hue. Lightness and chroma belong to the theme, so that every colour reads in both. */
  hue: number
  isMe: boolean
  microphone: boolean
  camera: boolean
  /** Of the link to them; our own is always `open`. */
  state: string
  /** False until their presence has come. */
  known: boolean
}

/** Hues far enough apart to be told from one another. */
export const hues = [28, 250, 150, 75, 320, 200, 110, 285, 0, 175, 50, 225] as const

const given = ['Heron', 'Wren', 'Otter', 'Lark', 'Marten', 'Finch', 'Hare', 'Swift', 'Tern', 'Vole', 'Plover', 'Linnet']
const manner = ['Quiet', 'Brisk', 'Mellow', 'Bright', 'Calm', 'Spry', 'Gentle', 'Keen', 'Merry', 'Nimble']

export const me = signal<Presence>(remembered())
const selfId = signal('')
const others = signal<ReadonlyMap<string, Person>>(new Map())

/** Everyone in the same order on every page, so that a pointed-at place means the same to all. */
export const everyone = computed<Person[]>(() => {
  if (selfId.value === '') return []
  const mine: Person = { ...me.value, id: selfId.value, isMe: true, state: 'open', known: true }
  return [mine, ...others.value.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
})

/** Everyone but us. */
export const peers = computed(() => everyone.value.filter(person => !person.isMe))

/** The person by that id, also one who has left. */
export function person(id: string): Person | undefined {
  return everyone.value.find(candidate => candidate.id === id) ?? gone.get(id)
}

const gone = new Map<string, Person>()

export type Arrival = { person: Person, came: boolean }

/** Follows who comes, goes and changes. */
export function follow(room: DemoRoomHandle, told: (arrival: Arrival) => void): void {
  // After a leave and a new join we are another peer; what was said before is still ours.
  if (selfId.value !== '') gone.set(selfId.value, { ...me.value, id: selfId.value, isMe: true, state: 'away', known: true })
  selfId.value = room.selfId
  others.value = new Map()
  for (const id of room.peers.keys()) refresh(room, id)
  room.presence.set(me.value)
  const announced = new Set<string>()
  const announce = (id: string) => {
    const who = others.value.get(id)
    // A name says more than "somebody", so the line waits for it.
    if (who?.known && who.state !== 'linking' && !announced.has(id)) {
      announced.add(id)
      told({ person: who, came: true })
    }
  }
  room.on('peers', () => {
    for (const id of room.peers.keys()) {
      refresh(room, id)
      announce(id)
    }
    for (const [id, who] of others.value) {
      if (room.peers.has(id)) continue
      forget(id)
      if (announced.delete(id)) told({ person: who, came: false })
    }
  })
  room.on('presence', (state, peer) => {
    refresh(room, peer.id, state ?? undefined)
    announce(peer.id)
    avoidTwins(room)
  })
}

/** Changes what others see of us. */
export function present(room: DemoRoomHandle | null, change: Partial<Presence>): void {
  me.value = { ...me.value, ...change }
  try {
    sessionStorage.setItem('me', JSON.stringify({ name: me.value.name, hue: me.value.hue }))
  } catch {
    // Storage may be switched off; the name then lasts as long as the page.
  }
  room?.presence.set(me.value)
}

/** The theme's colour of a hue. */
export function colour(hue: number): string {
  return `oklch(var(--person-l) var(--person-c) ${hue})`
}

export function initials(name: string): string {
  const words = name.trim().split(/\s+/)
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]]
  return letters.map(word => Array.from(word ?? '')[0] ?? '').join('').toUpperCase() || '?'
}

function refresh(room: DemoRoomHandle, id: string, presence?: Presence): void {
  const peer = room.peers.get(id)
  if (peer === undefined) return
  const before = others.value.get(id)
  const shown = presence === undefined ? undefined : checked(presence)
  const next: Person = {
    id,
    name: shown?.name ?? before?.name ?? 'Somebody',
    hue: shown?.hue ?? before?.hue ?? 220,
    microphone: shown?.microphone ?? before?.microphone ?? false,
    camera: shown?.camera ?? before?.camera ?? false,
    isMe: false,
    state: peer.state,
    known: shown !== undefined || (before?.known ?? false),
  }
  others.value = new Map(others.value).set(id, next)
}

function forget(id: string): void {
  const next = new Map(others.value)
  const who = next.get(id)
  if (who !== undefined) gone.set(id, who)
  next.delete(id)
  others.value = next
}

/** A presence is a stranger's word: lengths and kinds are checked before it is shown. */
function checked(presence: Presence): Presence {
  const name = typeof presence.name === 'string' ? presence.name.trim().slice(0, 32) : ''
  return {
    name: name === '' ? 'Somebody' : name,
    hue: Number.isFinite(presence.hue) ? presence.hue % 360 : 220,
    microphone: presence.microphone === true,
    camera: presence.camera === true,
  }
}

/** Of two people with one colour the one with the larger id takes a free one. */
function avoidTwins(room: DemoRoomHandle): void {
  const taken = peers.value.filter(other => other.known)
  const twin = taken.some(other => other.hue === me.value.hue && other.id < room.selfId)
  const free = hues.find(hue => taken.every(other => other.hue !== hue))
  if (twin && free !== undefined) present(room, { hue: free })
}

function remembered(): Presence {
  const pick = <T>(list: readonly T[]) => list[Math.floor(Math.random() * list.length)] as T
  const fresh = { name: `${pick(manner)} ${pick(given)}`, hue: pick(hues) as number }
  try {
    // Of the tab, not of the browser: two tabs are two people.
    const kept = JSON.parse(sessionStorage.getItem('me') ?? '{}') as Partial<Presence>
    if (typeof kept.name === 'string' && kept.name !== '') fresh.name = kept.name
    if (typeof kept.hue === 'number') fresh.hue = kept.hue
  } catch {
    // As above.
  }
  return { ...fresh, microphone: false, camera: false }
}
