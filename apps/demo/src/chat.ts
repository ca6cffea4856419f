// Text and files, to everybody who is here.

import { hurry, links } from './links'
import { add, change, lines, settle } from './lines'
import type { Arrival } from './people'
import type { DemoRoomHandle, Said } from './session'

/** Most bytes of a file: one message of the library. */
export const fileBytesMax = 32 * 1024 * 1024
/** Most characters shown of a text. */
const textLengthMax = 20_000

let room: DemoRoomHandle | null = null
/** Files are sent one after the other: a handful of large ones would overflow the queue. */
let lastFile: Promise<void> = Promise.resolve()
/** Files on their way to us: the peer, the line, and what its link had brought when it began. */
const coming: { peer: string, key: number, name: string, size: number, receivedBefore: number }[] = []

/** Begins to listen. */
export function listen(next: DemoRoomHandle): void {
  room = next
  coming.length = 0
  next.on('message', (said, peer) => {
    if (said instanceof File) fileArrived(said, peer.id)
    else if (said?.kind === 'text' && typeof said.text === 'string') {
      add({ kind: 'text', from: peer.id, text: said.text.slice(0, textLengthMax), fate: { name: 'here' } })
    } else if (said?.kind === 'file' && typeof said.name === 'string' && Number.isFinite(said.size)) {
      fileAnnounced(said, peer.id)
    }
  })
}

/** Notes who came and went. What was on its way from somebody who left will not come. */
export function noteArrival({ person, came }: Arrival): void {
  add({ kind: 'note', from: person.id, text: came ? 'is here' : 'left' })
  if (came) return
  for (const file of coming.filter(file => file.peer === person.id)) {
    change(file.key, { name: 'lost', why: `${person.name} left before it arrived.` })
    coming.splice(coming.indexOf(file), 1)
  }
}

/** Says something to everybody. */
export function say(text: string): void {
  if (room === null) return
  const fate = { name: 'sending', part: 0, count: room.peers.size } as const
  void settle(add({ kind: 'text', from: room.selfId, text, fate }), room.send({ kind: 'text', text }))
}

/** Shares files with everybody. */
export function share(files: Iterable<File>): void {
  for (const file of files) {
    if (room === null) return
    const shown = { name: file.name || 'file', size: file.size, type: file.type, url: null }
    if (file.size > fileBytesMax) {
      add({ kind: 'file', from: room.selfId, file: shown, fate: { name: 'unsent', why: 'Not sent: a file may have 32 MB.' } })
      continue
    }
    const url = URL.createObjectURL(file)
    const key = add({ kind: 'file', from: room.selfId, file: { ...shown, url }, fate: { name: 'queued' } })
    lastFile = lastFile.then(() => sendFile(key, file))
  }
}

async function sendFile(key: number, file: File): Promise<void> {
  if (room === null) return
  const count = room.peers.size
  change(key, { name: 'sending', part: 0, count })
  const calm = hurry()
  // What is queued for the slowest of us is what is left of the file: only one is sent at a time.
  const stop = links.subscribe(now => {
    const queued = Math.max(0, ...[...now.values()].map(link => link.queuedBytes))
    const line = lines.peek().find(line => line.key === key)
    if (line?.kind === 'file' && line.fate.name === 'sending' && queued > 0) {
      change(key, { name: 'sending', part: Math.max(line.fate.part, 1 - Math.min(1, queued / file.size)), count })
    }
  })
  // Told beforehand, so that the others see what they wait for.
  const announcement: Said = { kind: 'file', name: file.name, size: file.size, type: file.type }
  room.send(announcement).catch(() => undefined)
  await settle(key, room.send(file))
  stop()
  calm()
}

function fileAnnounced(said: Said & { kind: 'file' }, peer: string): void {
  const name = said.name.slice(0, 255)
  const type = typeof said.type === 'string' ? said.type.slice(0, 255) : ''
  const key = add({ kind: 'file', from: peer, file: { name, size: said.size, type, url: null }, fate: { name: 'coming', part: 0 } })
  const received = () => links.peek().get(peer)?.report.receivedBytes ?? 0
  const file = { peer, key, name, size: said.size, receivedBefore: received() }
  coming.push(file)
  const calm = hurry()
  const stop = links.subscribe(() => {
    if (!coming.includes(file)) {
      // Not at once: `subscribe` calls back before it returns.
      queueMicrotask(() => { stop(); calm() })
      return
    }
    // The link counts all it brings, so this is a good guess and never quite the whole.
    const part = Math.min(0.98, (received() - file.receivedBefore) / Math.max(1, file.size))
    if (part > 0) change(key, { name: 'coming', part })
  })
}

function fileArrived(file: File, peer: string): void {
  const url = URL.createObjectURL(file)
  const index = coming.findIndex(other => other.peer === peer && other.name === file.name.slice(0, 255) && other.size === file.size)
  const [announced] = index < 0 ? [] : coming.splice(index, 1)
  if (announced !== undefined) return change(announced.key, { name: 'here' }, url)
  add({ kind: 'file', from: peer, file: { name: file.name, size: file.size, type: file.type, url }, fate: { name: 'here' } })
}
