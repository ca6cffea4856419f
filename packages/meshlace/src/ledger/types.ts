/** What a page author sees of stores and of the ledger beneath them. */
import type { Abortable, PeerId, Unsubscribe } from '../types.js'

declare global {
  interface SymbolConstructor {
    /** Where observable libraries meet; Redux and RxJS declare it likewise. */
    readonly observable: symbol
  }
}

/** The name of a block: its hash as text. */
export type BlockId = string
/** The name of an author: the public key of one of a member's slots as text. */
export type AuthorId = string
/** The name of a member: a profile's public key in this room as text. The same in all its tabs, and after a reload. */
export type MemberId = string

/** An action: a plain JSON object whose `type` says what happened. */
export interface StoreAction {
  /** What happened. */
  type: string
}

/** What a reducer may know beside state and action. It is the same on every page. */
export interface ActionContext {
  /** Who wrote the action: the slot key of a tab. Empty while nothing has been written here yet. */
  readonly author: AuthorId
  /** Whose slot that is: a person, in as many tabs as they like. */
  readonly member: MemberId
  /** The block that holds the action; empty until the end of the tick in which it was dispatched here. */
  readonly block: BlockId
  /** The block's place in the order. */
  readonly index: number
  /** Whether the place can no longer change. Always false in this version. */
  readonly final: boolean
  /** Chance: a number in [0, 1), as `Math.random` gives it, but the same on every page. */
  readonly random: () => number
}

/** How a store comes from actions to states. */
export interface StoreOptions<S, A extends StoreAction> {
  /** Say another one when `reduce`, `allow` or `initial` change what they do: kept states are of one version. */
  version: number
  /** The state before any action. Plain JSON. */
  initial: S
  /**
   * The state after an action. It must be deterministic: no clock, no `Math.random`, no locale. It must
   * not change the state that it is given. One that throws, or that returns `undefined`, leaves the state
   * as it is, on every page.
   */
  reduce: StoreReducer<S, A>
  /**
   * Whether an action may happen. Asked before a dispatch, which it makes throw, and again by every page
   * for every action where it stands in the order. One that throws refuses.
   */
  allow?: ((state: S, action: A, context: ActionContext) => boolean) | undefined
}

/** The state after an action. */
export type StoreReducer<S, A extends StoreAction> = (state: S, action: A, context: ActionContext) => S

/** What became of a dispatched action. */
export interface Receipt {
  /** Resolves to the id of the action's block once it is written, at the end of the tick. */
  readonly written: Promise<BlockId>
  /** Resolves when the action is on disk: no crash loses it. Rejects where nothing can be stored. */
  readonly stored: Promise<void>
  /** Resolves when so many peers hold the action. */
  seenBy(count: number, options?: Abortable): Promise<void>
}

/**
 * A shared state: a Redux store whose actions reach every page in one order. It is a `Store` in the sense
 * of Redux 5, and so what `<Provider store={board}>` of React-Redux takes.
 */
export interface SharedStore<S, A extends StoreAction = StoreAction> {
  /** Its name in the room. */
  readonly name: string
  /** The state after all actions known here, those dispatched last included. */
  getState(): S
  /** The state after all actions whose place can no longer change. In this version that is the initial one. */
  getFinalState(): S
  /**
   * Says that something happened. Shows at once, here; goes to everyone at the end of the tick, in one
   * block with what else is dispatched until then. Returns the action, as Redux wants it, with a
   * {@link Receipt} on top.
   *
   * @throws {@link MeshError} `NotSerializable` for what is not plain JSON, `NotAllowed` for what `allow`
   * refuses, `MessageTooLarge` over 48 KiB, `QueueFull`, or `RoomClosed`.
   */
  dispatch<T extends A>(action: T): T & Receipt
  /** Calls `listener` when the state has changed. */
  subscribe(listener: () => void): Unsubscribe
  /** Folds all actions again with another reducer. */
  replaceReducer(next: StoreReducer<S, A>): void
  /** For libraries that observe: the states, the present one first. */
  [Symbol.observable](): StoreObservable<S>
}

/** The states of a store, as observable libraries take them. */
export interface StoreObservable<S> {
  /** Calls `observer.next` with the present state, and with each that follows. */
  subscribe(observer: { next?(state: S): void }): { unsubscribe: Unsubscribe }
  /** Itself. */
  [Symbol.observable](): StoreObservable<S>
}

/** A block of the ledger. */
export interface Block {
  /** Its name. */
  readonly id: BlockId
  /** Who wrote it. */
  readonly author: AuthorId
  /** Whose slot that is. */
  readonly member: MemberId
  /** Its place in the author's chain. */
  readonly seq: number
  /** One more than the greatest height among the blocks it names. */
  readonly height: number
  /** Its place in the order as it was when it was read. */
  readonly index: number
  /** What it says, by store; empty where it says something else. */
  readonly actions: readonly { readonly store: string; readonly action: object }[]
  /** When, by its author's own clock. Decides nothing. */
  readonly wallTime: Date
  /** The blocks that it names: its author's one before, if there is one, then those of others that it had seen. */
  parents(): BlockId[]
  /**
   * Checks hashes and signature anew. Says how many blocks lie from this one to the signature that vouches
   * for it, itself included: 1 is a signature of its own, 0 that none holds.
   */
  check(): number
}

/** Which blocks. */
export interface BlockQuery extends Abortable {
  /** From this place in the order on; 0 if not given. */
  from?: number | undefined
  /** Of this author or member only. */
  author?: AuthorId | MemberId | undefined
}

/** What came of taking a file in. */
export interface ImportResult {
  /** Blocks that were not here before. */
  readonly heldCount: number
  /** Blocks that break a rule. */
  readonly refusedCount: number
  /** Blocks that no signature in the file vouches for. */
  readonly unsignedCount: number
}

/** All that was ever written in a room, as far as it is here. */
export interface RoomLedger {
  /**
   * Resolves when the ledger is open: read from the disk, or, in a room that we were invited to and never
   * met anyone in, when somebody or a file has handed over the room's genesis. What is dispatched before
   * shows, is kept, and is written then. Rejects when the room closes before.
   */
  readonly ready: Promise<void>
  /** Who we are in this room, in all our tabs; empty until the ledger is open. */
  readonly member: MemberId
  /** How many blocks are in the order. */
  readonly length: number
  /** Equal on pages that hold the same blocks; empty until the ledger is open. */
  readonly digest: string
  /** Calls `listener` when the order has changed, with the place from which on it did. */
  subscribe(listener: (from: number) => void): Unsubscribe
  /** The blocks there are, in order. Each comes once, also if the order changes meanwhile. */
  blocks(query?: BlockQuery): AsyncIterableIterator<Block>
  /** The proof that an author wrote two histories, which anyone can check; undefined if none is known. */
  forkProof(author: AuthorId): Uint8Array | undefined
  /** All blocks as one file, which anyone can check. */
  export(): Promise<Blob>
  /**
   * Takes in what `export` wrote; every block of it is checked like one that a stranger sends. In a room
   * that has met nobody yet this opens the ledger. Rejects with `GenesisMismatch` for another room's file.
   */
  import(file: Blob | ArrayBuffer | ArrayBufferView): Promise<ImportResult>
}

/** Pages that fold the same actions came to different states: a reducer is not deterministic. */
export interface Divergence {
  /** Which store, and of which version. */
  readonly store: string
  /** As in the store's options. */
  readonly version: number
  /** How many blocks both have folded. */
  readonly length: number
  /** Who came to another state. */
  readonly peer: PeerId
  /** The keys of the state whose values differ, where it is an object. */
  readonly keys: readonly string[]
  /** The hash of the state here. */
  readonly own: string
  /** The hash of the state there. */
  readonly theirs: string
}
