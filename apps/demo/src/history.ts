// The ledger as a picture: the last blocks of the room, each in its author's lane, newest on the right.

import { effect, signal } from '@preact/signals'
import { MeshError, type AuthorId, type Block, type BlockId, type MemberId } from 'meshlace'

import { counted } from './format'
import type { DemoRoomHandle } from './session'
import { sentence } from './words'
import { view } from './view/Views'

/** Most blocks drawn. */
export const blockCountMax = 200
/** The picture is drawn anew at most so often. Units: ms. */
const drawnEach = 120

export interface Dot {
  block: Block
  parents: readonly BlockId[]
  lane: number
  /** From the left: blocks of one height were written beside one another. */
  column: number
}

export interface Lane {
  author: AuthorId
  member: MemberId
  /** Wrote two histories. */
  forked: boolean
}

export interface Picture {
  dots: readonly Dot[]
  lanes: readonly Lane[]
  columnCount: number
  /** Older blocks, which are not drawn. */
  olderCount: number
}

const nothing: Picture = { dots: [], lanes: [], columnCount: 0, olderCount: 0 }

export const picture = signal<Picture>(nothing)
/** What came of the last export or import, in words. */
export const fileNote = signal<{ words: string, bad: boolean } | null>(null)

/** Draws the ledger while it is looked at. */
export function watch(room: DemoRoomHandle): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let reading = false
  let again = false
  const read = async () => {
    timer = undefined
    if (reading) {
      again = true
      return
    }
    reading = true
    again = false
    try {
      picture.value = await draw(room)
    } catch {
      // The room closed meanwhile; whoever closed it has said so.
    } finally {
      reading = false
      if (again) soon()
    }
  }
  const soon = () => {
    if (view.peek() === 'history') timer ??= setTimeout(() => void read(), drawnEach)
  }
  const stopView = effect(() => {
    if (view.value === 'history') void read()
  })
  const stopLedger = room.ledger.subscribe(soon)
  const stopErrors = room.on('error', error => { if (error.code === 'AuthorForked') soon() })
  return () => {
    clearTimeout(timer)
    stopView()
    stopLedger()
    stopErrors()
    picture.value = nothing
    fileNote.value = null
  }
}

/** What is named once stays named: a block's parents never change. */
let parentsKnown = new Map<BlockId, readonly BlockId[]>()

async function draw(room: DemoRoomHandle): Promise<Picture> {
  const { ledger } = room
  const read: Block[] = []
  for await (const block of ledger.blocks({ from: Math.max(0, ledger.length - blockCountMax) })) read.push(block)
  const blocks = read.sort((a, b) => a.index - b.index).slice(-blockCountMax)
  const parents = new Map(blocks.map(block => [block.id, parentsKnown.get(block.id) ?? block.parents()]))
  parentsKnown = parents
  const heights = [...new Set(blocks.map(block => block.height))].sort((a, b) => a - b)
  const columnOf = new Map(heights.map((height, column) => [height, column]))
  const lanes = lanesOf(room, blocks)
  const laneOf = new Map(lanes.map(({ author }, lane) => [author, lane]))
  return {
    dots: blocks.map(block => ({
      block,
      parents: parents.get(block.id) ?? [],
      lane: laneOf.get(block.author) ?? 0,
      column: columnOf.get(block.height) ?? 0,
    })),
    lanes,
    columnCount: heights.length,
    olderCount: Math.max(0, ledger.length - blocks.length),
  }
}

/** The tabs of a member beside one another, in the order in which they first wrote. */
function lanesOf(room: DemoRoomHandle, blocks: readonly Block[]): Lane[] {
  const members = new Map<MemberId, Set<AuthorId>>()
  for (const { author, member } of blocks) members.set(member, (members.get(member) ?? new Set()).add(author))
  return [...members].flatMap(([member, authors]) => [...authors].map(author => ({
    author, member, forked: room.ledger.forkProof(author) !== undefined,
  })))
}

/** What the check of a block found. */
export function checked(block: Block): { holds: boolean, words: string } {
  const steps = block.check()
  if (steps === 0) return { holds: false, words: 'No signature holds for this block.' }
  if (steps === 1) return { holds: true, words: 'The signature holds: its author signed this very block.' }
  return { holds: true, words: `The signature holds: its author signed the block ${steps - 1} further on, which names this one by its hash.` }
}

/** Saves all blocks as one file. */
export async function exportLedger(room: DemoRoomHandle): Promise<void> {
  try {
    const file = await room.ledger.export()
    const link = document.createElement('a')
    link.href = URL.createObjectURL(file)
    link.download = `meshlace-${room.ledger.digest.slice(0, 8)}.ledger`
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
    fileNote.value = { words: `Saved ${counted(room.ledger.length, 'block')}. Anyone can check the file.`, bad: false }
  } catch (error) {
    fileNote.value = { words: `Not saved: ${sentence(String((error as Error)?.message ?? error))}`, bad: true }
  }
}

/** Takes a saved file in, block by block as if strangers had sent them. */
export async function importLedger(room: DemoRoomHandle, file: File): Promise<void> {
  try {
    const { heldCount, refusedCount, unsignedCount } = await room.ledger.import(file)
    const parts = [heldCount > 0 ? `Took in ${counted(heldCount, 'block')}.` : refusedCount + unsignedCount > 0 ? 'Took in nothing.' : 'Nothing new: all of it is here already.']
    if (refusedCount > 0) parts.push(`Refused ${counted(refusedCount, 'block')} that ${refusedCount === 1 ? 'breaks' : 'break'} a rule or ${refusedCount === 1 ? 'belongs' : 'belong'} to another room.`)
    if (unsignedCount > 0) parts.push(`Left out ${counted(unsignedCount, 'block')} that no signature vouches for.`)
    fileNote.value = { words: parts.join(' '), bad: refusedCount + unsignedCount > 0 }
  } catch (error) {
    if (error instanceof MeshError && error.code === 'GenesisMismatch') {
      fileNote.value = { words: 'Not taken in: the file is of another room.', bad: true }
      return
    }
    const unread = error instanceof MeshError && error.code.startsWith('Block')
    fileNote.value = { words: unread ? 'Not taken in: this is no ledger file, or it is damaged.' : `Not taken in: ${sentence(String((error as Error)?.message ?? error))}`, bad: true }
  }
}
