/** What stores need of the ledger: its blocks in their order, and a way to write. */
import type { MeshError } from '../errors.js'
import type { AuthorId, BlockId, MemberId } from '../ledger/types.js'
import type { StoreAction } from './actions.js'
import type { Plain } from './plain.js'

/** An action in its block. */
export interface PlacedAction {
  /** Its number among all actions of the block. */
  readonly at: number
  readonly action: Plain
}

/** A block as a fold takes it. */
export interface FoldBlock {
  /** Its number here: never changes, and stands for it. */
  readonly number: number
  readonly author: AuthorId
  readonly member: MemberId
  readonly idBytes: Uint8Array
  /** Its name as text; made when asked for. */
  id(): BlockId
  /** What it says, to each store. */
  readonly actions: ReadonlyMap<string, readonly PlacedAction[]>
}

/** An action on its way into a block. */
export interface Dispatched extends StoreAction {
  /** Its block, once it has one; why it never will, if so. */
  block: WrittenBlock | MeshError | undefined
  /** It is in this block. Not there as long as its store is not open. */
  placed?(block: number): void
}

/** The ledger as stores see it. */
export interface StoreSource {
  /** Whether blocks can be read and written. */
  readonly isOpen: boolean
  /** How many blocks are in the order. */
  length(): number
  /** The blocks from a place on, up to `count`; fewer at the end. */
  read(from: number, count: number): readonly FoldBlock[]
  /** Who an action dispatched now will be by, as far as that is known. */
  self(): { readonly author: AuthorId; readonly member: MemberId }
  /**
   * Writes a block, which is in the order then. The stores are told later, like of any other.
   *
   * @throws MeshError why not.
   */
  write(payload: Uint8Array): WrittenBlock
  /** These actions wait until the ledger is open; more of them may come. */
  waiting(batch: readonly Dispatched[]): void
  /** Something went wrong that no call can be told. */
  report(error: MeshError): void
  /** Runs a listener of the application. */
  call(listener: () => void): void
}

/** A block that was written here, and what becomes of it. */
export interface WrittenBlock {
  readonly number: number
  readonly id: BlockId
  /** Durable. Rejects where nothing can be stored. */
  stored(): Promise<void>
  /** So many peers hold it. */
  seenBy(count: number, signal: AbortSignal | undefined): Promise<void>
}
