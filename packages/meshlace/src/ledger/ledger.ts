/**
 * The ledger of a room: opens it over what is stored, stores what the core asks for, and hands its blocks
 * to the stores and to the application.
 *
 * ```text
 * opening (storage, slot) ---> restoring (records) ---> open ---> closed
 *        \___ nothing can be stored ___________________/
 * ```
 */
import type { Driver, RecordEffects } from '../driver.js'
import { MeshError } from '../errors.js'
import { watchPage } from '../lifecycle.js'
import { Lifecycle } from '../machine.js'
import { Seldom } from '../store/seldom.js'
import type { Dispatched, FoldBlock, WrittenBlock } from '../store/source.js'
import { States, type KeptState, type StatesRoom } from '../store/states.js'
import { Stores } from '../store/stores.js'
import { pageTime } from '../store/time.js'
import type { Slot } from '../storage/slots.js'
import type { NamedValue, RecordChange, RoomStorage } from '../storage/storage.js'
import type { PeerId } from '../types.js'
import { BlockReader, type LedgerBlock } from './blocks.js'
import { STATE_PREFIX, waitingName, type Opening } from './opening.js'
import { Receipts } from './receipts.js'
import { textOf } from './text.js'
import type { AuthorId, BlockId, Divergence, MemberId } from './types.js'

/** What a ledger needs of its room. */
export interface LedgerRoom {
  readonly driver: Driver
  /** The hash of states. */
  hash(bytes: Uint8Array): Uint8Array
  /** Tells peers, or one, of states. */
  tellStates(to: PeerId | undefined, message: unknown): void
  diverged(divergence: Divergence): void
  report(error: MeshError): void
  listenerFailed(cause: unknown, event: string): void
}

/** The ledger of one room. */
export class Ledger implements StatesRoom, RecordEffects {
  readonly stores: Stores = new Stores(this)
  readonly states: States = new States(this, this.stores)
  readonly receipts = new Receipts()
  readonly blocks: BlockReader
  isOpen = false
  /** Who we are in this room; empty until it is open. */
  member: MemberId = ''
  readonly #room: LedgerRoom
  #decided: (error?: MeshError) => void = () => undefined
  /** Resolves when it is open, or with the reason why it never will be. */
  readonly #isDecided = new Promise<MeshError | undefined>((resolve) => (this.#decided = resolve))
  /** Dispatched before it was open, and not on disk as blocks yet. */
  #waiting: readonly Dispatched[] = []
  /** Who writes: known with the first block. */
  #author: AuthorId = ''
  #storage: RoomStorage | undefined
  #states = new Map<string, unknown>()
  #slot: Slot | undefined
  #isClosed = false
  #changes: RecordChange[] = []
  /** The commit under way. */
  #committing: Promise<void> = Promise.resolve()
  #committed: (error?: MeshError) => void = () => undefined
  /** The first commit, or the end; or why it is not waited for any longer. */
  readonly #firstCommit = new Promise<MeshError | undefined>((resolve) => (this.#committed = resolve))
  #unwatch: () => void = () => undefined
  /** Called with the place from which the order changed. */
  readonly changeListeners = new Set<(from: number) => void>()

  constructor(room: LedgerRoom) {
    this.#room = room
    this.stores.settled = () => this.states.changed()
    this.stores.kept = (name, version) => {
      const kept = this.#states.get(stateName(name, version)) as KeptState | undefined
      return kept !== undefined && this.states.holds(kept) ? kept : undefined
    }
    const malformed = new Seldom((error) => room.report(error), pageTime)
    this.blocks = new BlockReader(
      (read) => room.driver.ask(read),
      (block, cause) =>
        malformed.tell(block.id(), (count) => {
          const message = `the actions of block ${block.id()} cannot be read${count}: ${String(cause.found)}`
          return new MeshError('ActionsMalformed', { message, found: cause.found, cause })
        }),
    )
  }

  /**
   * Opens the ledger over what is stored; done when all of that was handed to the core, which is drained at
   * once: whoever joins finds it in the room. A genesis is stored by then: a room whose founder is the only one
   * to have it must not lose it. A disk that does not answer is told of and not waited for.
   */
  async open(opening: Promise<Opening>, genesis: Uint8Array | undefined): Promise<void> {
    const { profile, kept, refused } = await opening
    if (this.#isClosed) {
      kept?.slot.release()
      kept?.storage.close()
      return
    }
    const { driver } = this.#room
    if (kept === undefined) {
      const error = refused ?? new MeshError('StorageRefused', { message: 'this room was opened in memory' })
      this.receipts.unsaved(error)
      if (refused !== undefined) this.#room.report(refused)
      driver.input((machine) => machine.ledgerOpen(profile, 0, true, false, genesis), true)
      return
    }
    const { storage, slot, records, states, waiting } = kept
    this.#storage = storage
    this.#waiting = this.stores.restore(waiting)
    this.#states = states
    this.#slot = slot
    this.#unwatch = watchPage((kind) => {
      if (kind === Lifecycle.hidden) this.#hurry()
      else if (kind === Lifecycle.shown) slot.markDirty()
    })
    driver.input((machine) => machine.ledgerOpen(profile, slot.number, slot.isClean, true, genesis))
    for (let at = 0; at < records.length; at += RESTORE_COUNT) {
      const portion = records.slice(at, at + RESTORE_COUNT)
      driver.input((machine) => {
        for (const [key, bytes] of portion) machine.ledgerRestore(key, bytes)
      })
      // Checking so many takes 20 ms: the page breathes in between.
      if (portion.length === RESTORE_COUNT) await new Promise<void>((resolve) => void pageTime.later(resolve, 0))
      if (this.#isClosed) return
    }
    driver.input((machine) => machine.ledgerRestored(), true)
    if (genesis === undefined) return
    pageTime.later(() => this.#committed(unanswered()), COMMIT_MS)
    const error = await this.#firstCommit
    if (error !== undefined) this.#room.report(error)
  }

  /** Ends it: what is under way is stored, then storage and slot are let go. */
  close(error: MeshError): void {
    if (this.#isClosed) return
    this.#markClean()
    this.#isClosed = true
    this.isOpen = false
    this.#unwatch()
    this.#committed()
    this.states.close()
    this.#decided(error)
    this.stores.close(error)
    this.receipts.close(error)
    void this.#committing.then(() => this.#storage?.close())
    this.#slot?.release(this.#committing)
  }

  /** Resolves when it is open, rejects when the room closes before. */
  async ready(): Promise<void> {
    const error = await this.#isDecided
    if (error !== undefined) throw error
  }

  // ---- what the core tells

  opened(member: MemberId): void {
    this.member = member
    this.isOpen = true
    this.stores.opened()
    // What may not be written is not tried again after a reload.
    if (this.#waiting.length > 0) this.waiting(this.#waiting.filter(({ block }) => !(block instanceof MeshError)))
    this.#decided()
  }

  changed(from: number): void {
    for (const listener of this.changeListeners) listener(from)
    this.stores.changed(from)
  }

  seen(peer: PeerId, author: number, count: number): void {
    this.receipts.seen(peer, author, count)
  }

  forked(author: number, seq: number, isOwn: boolean): void {
    const name = this.blocks.author(author).author
    const whose = isOwn ? 'the author of this page' : `author ${name}`
    const rest = isOwn ? ', and from now on the page writes as another' : ''
    const message = `${whose} wrote two histories from block ${seq} on; what it wrote since is void${rest}`
    this.#room.report(new MeshError('AuthorForked', { message, found: name }))
  }

  unsaved(error: MeshError): void {
    // Others are told of what is in memory: it must not be written again.
    if (this.#waiting.length > 0) this.waiting([])
    this.#storage?.close()
    this.#storage = undefined
    this.receipts.unsaved(error)
    this.#room.report(error)
  }

  // ---- what the core wants stored; bytes are views and are copied

  storeRecord(key: Uint8Array, bytes: Uint8Array, replace: boolean): void {
    this.#changes.push({ key: key.slice(), bytes: bytes.slice(), replace })
  }

  deleteRecord(key: Uint8Array): void {
    this.#changes.push({ key: key.slice(), bytes: undefined, replace: true })
  }

  commitRecords(ticket: number, hasOwn: boolean): void {
    const changes = this.#changes
    this.#changes = []
    const values = hasOwn ? [this.#slot!.advance()] : []
    if (this.#waiting.length > 0) {
      // In one step with their blocks: each is written once, whenever the page ends. A block's key ends with its id.
      const stored = new Set<BlockId | undefined>(changes.map(({ key }) => textOf(key.subarray(-32))))
      this.#waiting = this.#waiting.filter(({ block }) => !stored.has((block as WrittenBlock | undefined)?.id))
      values.push(this.#kept())
    }
    const { driver } = this.#room
    this.#committing = (this.#storage?.commit(changes, ...values) ?? Promise.reject(unanswered())).then(
      () => driver.input((machine) => machine.recordsStored(ticket)),
      ({ code }: MeshError) => driver.input((machine) => machine.recordsFailed(ticket, code)),
    )
    void this.#committing.then(() => this.#committed())
  }

  // ---- for the stores

  length(): number {
    return this.isOpen ? this.#room.driver.ask((machine) => machine.ledgerLength()) : 0
  }

  read(from: number, count: number): readonly FoldBlock[] {
    return this.isOpen ? this.blocks.read(from, count) : []
  }

  self(): { readonly author: AuthorId; readonly member: MemberId } {
    return { author: this.#author, member: this.member }
  }

  write(payload: Uint8Array): WrittenBlock {
    this.#slot?.markDirty()
    let written: LedgerBlock | undefined
    let refused: unknown = new MeshError('RoomClosed')
    this.#room.driver.input((machine) => {
      try {
        const number = machine.ledgerWrite(payload, 0)
        written = this.blocks.read(machine.ledgerPlace(number), 1)[0]
      } catch (error) {
        // One that is no MeshError is the core's own failure, which the driver handles.
        if (!(error instanceof MeshError)) throw error
        refused = error
      }
    })
    if (written === undefined) throw refused
    this.#author = written.author
    return this.receipts.written(written)
  }

  waiting(batch: readonly Dispatched[]): void {
    this.#waiting = batch
    if (this.#storage !== undefined && !this.#isClosed) this.#put(this.#kept())
  }

  report(error: MeshError): void {
    this.#room.report(error)
  }

  call(listener: () => void): void {
    try {
      listener()
    } catch (cause) {
      this.#room.listenerFailed(cause, 'store')
    }
  }

  // ---- for the states

  hash(bytes: Uint8Array): Uint8Array {
    return this.#room.hash(bytes)
  }

  digest(): string {
    return this.isOpen ? textOf(this.#room.driver.ask((machine) => machine.ledgerDigest())) : ''
  }

  ids(count: number): Uint8Array {
    return this.blocks.ids(count)
  }

  tell(to: PeerId | undefined, message: unknown): void {
    this.#room.tellStates(to, message)
  }

  diverged(divergence: Divergence): void {
    this.#room.diverged(divergence)
  }

  keep(name: string, version: number, kept: KeptState): void {
    if (this.#storage === undefined) return
    const own = stateName(name, version)
    this.#put({ name: own, value: kept })
    // Of other versions: nobody comes back to them.
    for (const other of this.#states.keys()) {
      if (other === own || other.slice(other.indexOf(' ', STATE_PREFIX.length)) !== ` ${name}`) continue
      this.#states.delete(other)
      this.#put({ name: other, value: undefined })
    }
  }

  #put(value: NamedValue): void {
    void this.#storage?.commit([], value).catch((error: unknown) => this.#room.report(error as MeshError))
  }

  /** What waits, as a value to be kept. */
  #kept(): NamedValue {
    return { name: waitingName(this.#slot!), value: this.#waiting.map(({ store, action }) => [store, action]) }
  }

  /** The page may end with this turn: what was dispatched in it goes to disk all the same, and then the mark is true. */
  #hurry(): void {
    this.stores.flush()
    this.#room.driver.input(() => undefined, true)
    this.#markClean()
  }

  /** The mark stands for what is on disk once the commit under way has ended: it is true if that succeeds. */
  #markClean(): void {
    if (this.#slot === undefined || this.#storage === undefined || !this.isOpen) return
    if (this.#room.driver.ask((machine) => machine.ledgerUnbatched()) === 0) this.#slot.markClean()
  }
}

const unanswered = () => new MeshError('StorageRefused', { message: 'storage is silent' })

/** Versions are numbers, so what follows the second space is the name. */
const stateName = (name: string, version: number) => `${STATE_PREFIX}${version} ${name}`

/** Some disks never answer. Units: milliseconds. */
const COMMIT_MS = 5_000
/** Records handed to the core at a time. */
const RESTORE_COUNT = 1_024
