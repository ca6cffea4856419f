// The lines of the chat. Nothing is kept: a newcomer sees what is said from then on.

import { signal } from '@preact/signals'

import { people } from './format'
import { person } from './people'
import { undeliveredBecause, unsentBecause } from './words'

/** Most lines kept on the page; the files of older ones are let go. */
const lineCountMax = 400

interface Base {
  key: number
  at: number
  /** Whose line it is. */
  from: string
}

export type Line =
  | Base & { kind: 'note', text: string }
  | Base & { kind: 'text', text: string, fate: Fate }
  | Base & { kind: 'file', file: Attachment, fate: Fate }

export interface Attachment {
  name: string
  size: number
  type: string
  /** Of a `blob:`; `null` until the bytes are here. */
  url: string | null
}

/** What became of a line. `part` goes from 0 to 1. */
export type Fate =
  | { name: 'here' }
  | { name: 'coming', part: number }
  | { name: 'lost', why: string }
  | { name: 'queued' }
  | { name: 'sending', part: number, count: number }
  | { name: 'delivered', words: string, missed: string[] }
  | { name: 'unsent', why: string }

export const lines = signal<readonly Line[]>([])

let keys = 0

/** Adds a line and returns its key. */
export function add(line: Omit<Line & { kind: 'note' }, 'key' | 'at'> | Omit<Line & { kind: 'text' }, 'key' | 'at'> | Omit<Line & { kind: 'file' }, 'key' | 'at'>): number {
  keys += 1
  const next = [...lines.value, { ...line, key: keys, at: Date.now() } as Line]
  for (const old of next.splice(0, Math.max(0, next.length - lineCountMax))) {
    if (old.kind === 'file' && old.file.url !== null) URL.revokeObjectURL(old.file.url)
  }
  lines.value = next
  return keys
}

/** Changes what became of a line, and for a file where its bytes are. */
export function change(key: number, fate: Fate, url?: string): void {
  lines.value = lines.value.map(line => {
    if (line.key !== key || line.kind === 'note') return line
    if (line.kind === 'file' && url !== undefined) return { ...line, fate, file: { ...line.file, url } }
    return { ...line, fate }
  })
}

/** What the library reports of a send. */
export interface Outcome {
  delivered: readonly string[]
  failed: ReadonlyMap<string, Error>
}

/** Waits for a send and writes its fate under the line. */
export async function settle(key: number, sent: Promise<Outcome>): Promise<void> {
  try {
    const { delivered, failed } = await sent
    const missed = [...failed].map(([id, error]) => `${person(id)?.name ?? 'Somebody'} ${undeliveredBecause(error)}.`)
    const nobody = delivered.length + failed.size === 0
    const words = nobody ? 'Nobody was here to get it' : `Delivered to ${people(delivered.length)}`
    change(key, { name: 'delivered', words, missed })
  } catch (error) {
    change(key, { name: 'unsent', why: unsentBecause(error) })
  }
}
