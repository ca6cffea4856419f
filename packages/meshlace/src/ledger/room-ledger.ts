/** The ledger as the application holds it. */
import { MeshError } from '../errors.js'
import type { Hub } from '../hub.js'
import type { LedgerBlock } from './blocks.js'
import type { Unsubscribe } from '../types.js'
import type { Block, BlockQuery, ImportResult, RoomLedger } from './types.js'

/** The object behind {@link RoomLedger}. */
export class MeshRoomLedger implements RoomLedger {
  readonly #hub: Hub

  constructor(hub: Hub) {
    this.#hub = hub
  }

  get ready(): Promise<void> {
    return this.#hub.ledger.ready()
  }

  get member(): string {
    return this.#hub.ledger.member
  }

  get length(): number {
    return this.#hub.ledger.length()
  }

  get digest(): string {
    return this.#hub.ledger.digest()
  }

  subscribe(listener: (from: number) => void): Unsubscribe {
    const { ledger } = this.#hub
    const own = (from: number) => ledger.call(() => listener(from))
    ledger.changeListeners.add(own)
    return () => void ledger.changeListeners.delete(own)
  }

  async *blocks({ from = 0, author, signal }: BlockQuery = {}): AsyncIterableIterator<Block> {
    const { ledger } = this.#hub
    const seen = new Set<number>()
    let place = from
    // Blocks that moved to where we have been are not missed; those that moved from there do not come twice.
    const changed = (from: number) => (place = Math.min(place, from))
    ledger.changeListeners.add(changed)
    try {
      while (place < ledger.length()) {
        const first = place
        const blocks = ledger.blocks.read(first, READ_COUNT)
        place += blocks.length
        for (const [at, block] of blocks.entries()) {
          signal?.throwIfAborted()
          if (seen.has(block.number)) continue
          seen.add(block.number)
          if (author === undefined || author === block.author || author === block.member) {
            yield this.#shown(block, first + at)
          }
        }
      }
    } finally {
      ledger.changeListeners.delete(changed)
    }
  }

  forkProof(author: string): Uint8Array | undefined {
    const { ledger, driver } = this.#hub
    if (!ledger.isOpen) return undefined
    const number = ledger.blocks.authorNumber(author)
    const proof = number === undefined ? undefined : driver.ask((machine) => machine.ledgerProof(number))
    return proof?.length === 0 ? undefined : proof
  }

  async export(): Promise<Blob> {
    const parts: BlobPart[] = []
    for (let cursor = 0; cursor !== EXPORT_END; ) {
      if (!this.#hub.ledger.isOpen) throw new MeshError('LedgerNotReady')
      const part = this.#hub.driver.ask((machine) => machine.ledgerExport(cursor))
      cursor = new DataView(part.buffer, part.byteOffset).getUint32(0, true)
      parts.push(part.subarray(4) as Uint8Array<ArrayBuffer>)
    }
    return new Blob(parts, { type: 'application/cbor-seq' })
  }

  async import(file: Blob | ArrayBuffer | ArrayBufferView): Promise<ImportResult> {
    const buffer = file instanceof Blob ? await file.arrayBuffer() : file
    const bytes =
      buffer instanceof ArrayBuffer
        ? new Uint8Array(buffer)
        : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    return this.#hub.importLedger(bytes)
  }

  #shown(block: LedgerBlock, index: number): Block {
    const { ledger, driver } = this.#hub
    const { author, member, seq, height, number, wallMs } = block
    const actions: (Block['actions'][number] & { at: number })[] = []
    for (const [store, placed] of block.actions) for (const { at, action } of placed) actions.push({ at, store, action })
    actions.sort((one, other) => one.at - other.at)
    return {
      id: block.id(),
      author,
      member,
      seq,
      height,
      index,
      actions: actions.map(({ store, action }) => ({ store, action })),
      wallTime: new Date(wallMs),
      parents() {
        const words = new Uint32Array(driver.ask((machine) => machine.ledgerLinks(number, 1)).slice().buffer)
        // Void ones are not in the order, and have no name here.
        const places = Array.from(words.subarray(1), (named) => driver.ask((machine) => machine.ledgerPlace(named)))
        return places.filter((place) => place >= 0).map((place) => ledger.blocks.read(place, 1)[0]!.id())
      },
      check: () => driver.ask((machine) => machine.ledgerCheck(number)),
    }
  }
}

const READ_COUNT = 256
/** There are no further parts. */
const EXPORT_END = 0xffff_ffff
