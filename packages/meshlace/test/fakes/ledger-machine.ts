// A machine whose ledger is a list: what it writes is at the end, and a test may put blocks anywhere.
import { MeshError } from '../../src/errors.js'
import { FakeMachine } from './machine.js'

interface Held {
  readonly author: number
  readonly seq: number
  readonly payload: Uint8Array
  readonly flags: number
}

export class LedgerMachine extends FakeMachine {
  blocks: Held[] = []
  order: number[] = []
  opened: { profile: Uint8Array; slot: number; clean: boolean; stored: boolean; genesis: Uint8Array | undefined } | undefined
  restored: [Uint8Array, Uint8Array][] = []
  unbatched = 0
  /** What of our own is stored. */
  storedCount = 0
  /** Whether it opens only when somebody hands over the genesis. */
  awaitsGenesis = false
  #ticket = 0

  constructor() {
    super()
    this.answer = ([name]) => (name === 'start' ? (_, notices) => notices.admitted() : undefined)
  }

  ledgerOpen(profile: Uint8Array, slot: number, clean: boolean, stored: boolean, genesis: Uint8Array | undefined): void {
    this.opened = { profile, slot, clean, stored, genesis }
    if (!stored) this.out.push((_, notices) => notices.ledgerOpened('me', 0))
  }

  ledgerRestore(key: Uint8Array, bytes: Uint8Array): void {
    this.restored.push([key, bytes])
    this.#hold({ author: 0, seq: this.blocks.length, payload: bytes, flags: 0 }, this.order.length)
  }

  ledgerRestored(): void {
    if (!this.awaitsGenesis) this.handOver()
  }

  /** The genesis is there. */
  handOver(): void {
    this.storedCount = this.blocks.length
    const count = this.order.length
    this.out.push((_, notices) => notices.ledgerOpened('me', count))
    if (count > 0) this.out.push((_, notices) => notices.ledgerChanged(0, count))
    const genesis = this.opened?.genesis
    if (genesis === undefined) return
    this.out.push((effects) => {
      effects.storeRecord(Uint8Array.of(0), genesis, true)
      effects.commitRecords(0, false)
    })
  }

  ledgerWrite(payload: Uint8Array, flags: number): number {
    const number = this.put(payload, this.order.length, 0, flags)
    if (this.opened?.stored === true) {
      this.unbatched += 1
      const ticket = ++this.#ticket
      this.out.push((effects) => {
        effects.storeRecord(Uint8Array.of(2, 0, 0, number >> 8, number & 255, ...idOf(number)), payload, false)
        this.unbatched -= 1
        effects.commitRecords(ticket, true)
      })
    }
    return number
  }

  /** A block at a place in the order. */
  put(payload: Uint8Array, place: number, author = 1, flags = 0): number {
    const seq = this.blocks.filter((block) => block.author === author).length
    const number = this.#hold({ author, seq, payload: payload.slice(), flags }, place)
    this.out.push((_, notices) => notices.ledgerChanged(place, this.order.length))
    return number
  }

  recordsStored(): void {
    this.storedCount = this.blocks.length
    this.out.push((_, notices) => notices.ledgerStored(0, this.storedCount))
  }

  recordsFailed(_ticket: number, code: 'StorageFull' | 'StorageRefused'): void {
    this.out.push((_, notices) => notices.ledgerUnsaved(new MeshError(code)))
  }

  ledgerLength(): number {
    return this.order.length
  }

  ledgerPlace(number: number): number {
    return this.order.indexOf(number)
  }

  /** Each names the one before it, of whomever. */
  ledgerLinks(from: number): Uint8Array {
    return new Uint8Array(Uint32Array.from(from === 0 ? [0] : [1, from - 1]).buffer)
  }

  ledgerCheck(number: number): number {
    return number + 1
  }

  ledgerUnbatched(): number {
    return this.unbatched
  }

  ledgerDigest(): Uint8Array {
    return new Uint8Array(32).fill(this.blocks.length)
  }

  ledgerProof(author: number): Uint8Array {
    return author === 1 ? Uint8Array.of(7) : new Uint8Array(0)
  }

  ledgerAuthors(from: number): Uint8Array {
    const bytes = new Uint8Array(2 * 72)
    for (let author = 0; author < 2; author++) {
      bytes.fill(author + 1, author * 72, author * 72 + 32)
      bytes.fill(author + 11, author * 72 + 32, author * 72 + 64)
    }
    return bytes.slice(from * 72)
  }

  /** As many as fit, in the sections that the core gives. */
  ledgerRead(from: number, count: number): Uint8Array<ArrayBuffer> {
    const numbers = this.order.slice(from, from + count)
    const blocks = numbers.map((number) => this.blocks[number]!)
    let end = 0
    const words = [
      blocks.length,
      blocks.reduce((sum, { payload }) => sum + payload.length, 0),
      ...numbers,
      ...blocks.map(({ author }) => author),
      ...blocks.map(({ seq }) => seq),
      ...numbers.map((number) => number + 1),
      ...blocks.map(({ flags }) => flags),
      ...blocks.map(({ payload }) => (end += payload.length)),
      ...numbers.flatMap((number) => [1_000 + number, 1]),
    ]
    const ids = numbers.flatMap(idOf)
    const bytes = new Uint8Array(4 * words.length + ids.length + words[1]!)
    bytes.set(new Uint8Array(Uint32Array.from(words).buffer))
    bytes.set(ids, 4 * words.length)
    let at = 4 * words.length + ids.length
    for (const { payload } of blocks) {
      bytes.set(payload, at)
      at += payload.length
    }
    return bytes
  }

  ledgerExport(cursor: number): Uint8Array<ArrayBuffer> {
    const next = cursor < 2 ? cursor + 1 : 0xffff_ffff
    return Uint8Array.of(...new Uint8Array(Uint32Array.of(next).buffer), 100 + cursor)
  }

  ledgerImport(ticket: number, bytes: Uint8Array): void {
    if (bytes.length === 0) this.out.push((_, notices) => notices.refused(ticket, new MeshError('GenesisMismatch')))
    else this.out.push((_, notices) => notices.ledgerImported(ticket, bytes.length, 2, 3))
  }

  #hold(block: Held, place: number): number {
    const number = this.blocks.push(block) - 1
    this.order.splice(place, 0, number)
    return number
  }
}

const idOf = (number: number) => [number & 255, number >> 8, ...new Array<number>(30).fill(7)]
