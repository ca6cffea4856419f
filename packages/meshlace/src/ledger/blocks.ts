/**
 * Blocks as they come out of the core, many at a time, and what they say. A block that was read lately is
 * not taken apart again when the order moves it.
 */
import { MeshError } from '../errors.js'
import type { Machine } from '../machine.js'
import { decodeActions } from '../store/actions.js'
import { placedActions } from '../store/blocks.js'
import type { FoldBlock, PlacedAction } from '../store/source.js'
import { textOf } from './text.js'
import type { AuthorId, BlockId, MemberId } from './types.js'

/** A block of the ledger, apart from its place in the order. */
export class LedgerBlock implements FoldBlock {
  readonly number: number
  readonly author: AuthorId
  readonly member: MemberId
  readonly authorNumber: number
  readonly seq: number
  readonly height: number
  readonly wallMs: number
  readonly idBytes: Uint8Array
  readonly actions: ReadonlyMap<string, readonly PlacedAction[]>
  #id: BlockId | undefined

  constructor(given: Omit<LedgerBlock, 'id'>) {
    this.number = given.number
    this.author = given.author
    this.member = given.member
    this.authorNumber = given.authorNumber
    this.seq = given.seq
    this.height = given.height
    this.wallMs = given.wallMs
    this.idBytes = given.idBytes
    this.actions = given.actions
  }

  id(): BlockId {
    return (this.#id ??= textOf(this.idBytes))
  }
}

/** What the core gives, in this order: of each block a word, then two, then its id; all payloads in one. */
interface Sections {
  readonly numbers: Uint32Array
  readonly authors: Uint32Array
  readonly seqs: Uint32Array
  readonly heights: Uint32Array
  readonly flags: Uint32Array
  /** Where each payload ends. */
  readonly ends: Uint32Array
  /** Low and high word. */
  readonly walls: Uint32Array
  readonly ids: Uint8Array
  readonly payloads: Uint8Array
}

/** Reads blocks in their order. */
export class BlockReader {
  readonly #ask: <V>(read: (machine: Machine) => V) => V
  /** A payload is not what stores write. */
  readonly #malformed: (block: LedgerBlock, cause: MeshError) => void
  readonly #authors = new Map<number, { readonly author: AuthorId; readonly member: MemberId }>()
  #known = new Map<number, LedgerBlock>()

  constructor(
    ask: <V>(read: (machine: Machine) => V) => V,
    malformed: (block: LedgerBlock, cause: MeshError) => void,
  ) {
    this.#ask = ask
    this.#malformed = malformed
  }

  /** The blocks from a place on, up to `count`; at least one where there is one. */
  read(from: number, count: number): LedgerBlock[] {
    const { numbers, authors, seqs, heights, flags, ends, walls, ids, payloads } = this.#sections(from, count)
    return Array.from(numbers, (number, index) => {
      const known = this.#known.get(number)
      if (known !== undefined) return known
      const authorNumber = authors[index]!
      const payload = payloads.subarray(index === 0 ? 0 : ends[index - 1], ends[index])
      return this.#keep({
        ...this.author(authorNumber),
        number,
        authorNumber,
        seq: seqs[index]!,
        height: heights[index]!,
        wallMs: walls[2 * index]! + 0x1_0000_0000 * walls[2 * index + 1]!,
        idBytes: ids.slice(32 * index, 32 * index + 32),
        // Configuration and evidence are not for stores.
        actions: (flags[index]! & ~FLAG_FINALIZE) === 0 ? payload : undefined,
      })
    })
  }

  /** The ids of the first blocks in the order, one after the other. */
  ids(count: number): Uint8Array {
    const all = new Uint8Array(32 * count)
    for (let at = 0; at < count; ) {
      const { ids } = this.#sections(at, Math.min(count - at, IDS_READ_COUNT))
      // There are as many as that: whoever asks has looked.
      if (ids.length === 0) break
      all.set(ids, 32 * at)
      at += ids.length / 32
    }
    return all
  }

  /** The number of an author that has blocks here. */
  authorNumber(name: AuthorId): number | undefined {
    this.#readAuthors(0)
    for (const [number, { author }] of this.#authors) if (author === name) return number
    return undefined
  }

  /** Who stands behind an author's number. */
  author(number: number): { readonly author: AuthorId; readonly member: MemberId } {
    if (!this.#authors.has(number)) this.#readAuthors(number)
    return this.#authors.get(number) ?? { author: '', member: '' }
  }

  #sections(from: number, count: number): Sections {
    const { buffer, byteOffset } = this.#ask((machine) => machine.ledgerRead(from, count, READ_BYTES_MAX))
    let at = byteOffset
    const words = (length: number) => new Uint32Array(buffer, (at += 4 * length) - 4 * length, length)
    const [found = 0, payloadBytes = 0] = words(2)
    return {
      numbers: words(found),
      authors: words(found),
      seqs: words(found),
      heights: words(found),
      flags: words(found),
      ends: words(found),
      walls: words(2 * found),
      ids: new Uint8Array(buffer, at, 32 * found),
      payloads: new Uint8Array(buffer, at + 32 * found, payloadBytes),
    }
  }

  #keep(read: Omit<LedgerBlock, 'id' | 'actions'> & { readonly actions: Uint8Array | undefined }): LedgerBlock {
    let block: LedgerBlock
    try {
      const actions = read.actions === undefined ? NO_ACTIONS : placedActions(decodeActions(read.actions))
      block = new LedgerBlock({ ...read, actions })
    } catch (cause) {
      block = new LedgerBlock({ ...read, actions: NO_ACTIONS })
      this.#malformed(block, cause as MeshError)
    }
    if (this.#known.size >= KNOWN_COUNT_MAX) this.#known = new Map([...this.#known].slice(KNOWN_COUNT_MAX / 2))
    this.#known.set(block.number, block)
    return block
  }

  #readAuthors(from: number): void {
    const bytes = this.#ask((machine) => machine.ledgerAuthors(from))
    for (let at = 0; at + AUTHOR_BYTES <= bytes.length; at += AUTHOR_BYTES) {
      const member = bytes.subarray(at + 32, at + 64)
      // Known by a fork alone: its first block will tell.
      if (member.every((byte) => byte === 0)) continue
      const author = textOf(bytes.subarray(at, at + 32))
      this.#authors.set(from + at / AUTHOR_BYTES, { author, member: textOf(member) })
    }
  }
}

const NO_ACTIONS: ReadonlyMap<string, readonly PlacedAction[]> = new Map()
const FLAG_FINALIZE = 1
/** Key, member, count of blocks and lowest fork. */
const AUTHOR_BYTES = 72
/** Ids read at once, with payloads that nobody looks at. */
const IDS_READ_COUNT = 4_096
/** Payloads read at once. */
const READ_BYTES_MAX = 1024 * 1024
/** Blocks kept as they were read: some megabytes where actions are small. */
const KNOWN_COUNT_MAX = 16_384
