/**
 * The two sides of the crossing between TypeScript and the WebAssembly core.
 *
 * `Machine` is what the core takes in: one method per input. `Effects` and `Notices` are what it
 * asks for and tells: one method per kind, called while `drain` runs. Those methods never throw and
 * never call the machine, which is busy; byte arrays given to them are views that hold only until
 * they return.
 *
 * All but `at`, `frameReceived` and `free` crosses as a number and bytes (`crossing.ts`): `crates/wasm`
 * reads and writes values in the order in which the arguments stand here, and a name without a number
 * there is no method.
 */
import type { MeshError } from './errors.js'
import type { PeerId, PeerState, Report, RoomStatus } from './types.js'

/** The kind of a message's content. */
export const Kind = { nothing: 0, text: 1, json: 2, bytes: 3, blob: 4, file: 5 } as const

/** What happens to pages and machines. */
export const Lifecycle = { frozen: 0, resumed: 1, hidden: 2, shown: 3, online: 4 } as const

/** The names of files and types of blobs, beside the bytes. */
export interface ContentMeta {
  /** As in `File.name`. */
  readonly name: string | undefined
  /** As in `Blob.type`. */
  readonly type: string
}

/** A STUN or TURN server. */
export interface MachineIceServer {
  readonly urls: string[]
  readonly username: string | undefined
  readonly credential: string | undefined
}

/** The core as TypeScript sees it. */
export interface Machine {
  /** Says what time it is, for the inputs that follow. Units: milliseconds. */
  at(monotonic: number, wall: number): void
  /**
   * Gives it a last input, where there is one, and runs through all that the inputs led to: what comes
   * alone and often crosses once by this. Returns what `timeout` would.
   */
  drain(effects: Effects, notices: Notices, input?: (machine: Machine) => void): number
  /** When to call `tick` next, on the monotonic clock; negative if never. */
  timeout(): number
  free(): void

  selfId(): PeerId
  address(): string

  start(): void
  tick(): void
  entropy(seed: Uint8Array): void
  lifecycle(kind: number): void

  socketOpened(socket: number): void
  socketReceived(socket: number, bytes: Uint8Array): void
  socketClosed(socket: number): void

  described(connection: number, ticket: number, offer: boolean, sdp: string): void
  applied(connection: number, ticket: number): void
  operationFailed(connection: number, ticket: number, detail: string): void
  candidateGathered(
    connection: number,
    candidate: string,
    mid: string | undefined,
    lineIndex: number | undefined,
    usernameFragment: string | undefined,
  ): void
  gatheringDone(connection: number): void
  gatheringFailed(connection: number, url: string, code: number, detail: string): void
  negotiationNeeded(connection: number): void
  transportChanged(connection: number, ice: number, state: number): void
  channelOpened(connection: number, channel: number): void
  channelClosed(connection: number, channel: number): void
  frameReceived(connection: number, channel: number, bytes: Uint8Array): void
  buffered(connection: number, channel: number, bytes: number): void
  trackArrived(connection: number, mediaId: string): void
  stats(
    connection: number,
    ticket: number,
    localCandidate: string | undefined,
    remoteCandidate: string | undefined,
    protocol: string | undefined,
    roundTripMs: number | undefined,
    sentBytes: number,
    receivedBytes: number,
  ): void

  /** `to` is a peer's name; the empty name stands for everyone. */
  sendText(ticket: number, to: string, json: boolean, text: string): void
  sendBytes(ticket: number, to: string, kind: number, name: string, type: string, bytes: Uint8Array): void
  sendTopicText(ticket: number, to: string, topic: string, lossy: boolean, json: boolean, text: string): void
  sendTopicBytes(
    ticket: number,
    to: string,
    topic: string,
    lossy: boolean,
    kind: number,
    name: string,
    type: string,
    bytes: Uint8Array,
  ): void
  cancel(ticket: number): void
  request(
    ticket: number,
    peer: string,
    name: string,
    kind: number,
    fileName: string,
    type: string,
    bytes: Uint8Array,
    timeoutMs: number,
  ): void
  respond(request: number, kind: number, name: string, type: string, bytes: Uint8Array): void
  respondNoHandler(request: number): void
  respondFailed(request: number, detail: string): void
  setPresence(json: string): void
  clearPresence(): void
  addStream(stream: number, mediaId: string, label: string, to: string): void
  removeStream(stream: number): void
  awaitDrained(ticket: number, peer: string): void
  diagnose(ticket: number): void
  leave(): void

  /**
   * Opens the ledger for the slot whose lock is held. `clean`: whoever held it before had everything
   * stored. `stored`: records follow, then `ledgerRestored`; else everything stays in memory.
   */
  ledgerOpen(profile: Uint8Array, slot: number, clean: boolean, stored: boolean, genesis: Uint8Array | undefined): void
  /** A stored record, in rising order of keys. */
  ledgerRestore(key: Uint8Array, bytes: Uint8Array): void
  ledgerRestored(): void
  recordsStored(ticket: number): void
  recordsFailed(ticket: number, code: string): void
  /** Writes a block, which is in the order then; returns its number here. Throws a MeshError. */
  ledgerWrite(payload: Uint8Array, flags: number): number
  ledgerLength(): number
  /** Blocks by their place in the order, in sections of 32-bit words; see `BlockReader`. */
  ledgerRead(from: number, count: number, bytesMax: number): Uint8Array
  /** Of each author from this number on: key, member, count of good blocks, lowest fork. */
  ledgerAuthors(from: number): Uint8Array
  /** For `count` blocks from this number on: how many blocks it names, and their numbers, as 32-bit words. */
  ledgerLinks(from: number, count: number): Uint8Array
  /** How many blocks lie from this one to the signature that vouches for it, itself included; 0 if none does. */
  ledgerCheck(number: number): number
  /** Where a block is in the order; -1 if it is void. */
  ledgerPlace(number: number): number
  ledgerDigest(): Uint8Array
  /** Own blocks that no transaction holds yet. */
  ledgerUnbatched(): number
  /** The proof that an author forked; empty if none is known. */
  ledgerProof(author: number): Uint8Array
  /** A part of the file of everything: 4 bytes for where to go on (or that it was the last), then the part. */
  ledgerExport(cursor: number): Uint8Array
  ledgerImport(ticket: number, bytes: Uint8Array): void
}

/** What the core asks of its driver. */
export interface Effects {
  openSocket(socket: number, url: string): void
  sendSocket(socket: number, bytes: Uint8Array): void
  closeSocket(socket: number): void
  createConnection(connection: number, peer: PeerId, servers: RTCIceServer[], relayOnly: boolean): void
  describe(connection: number, ticket: number): void
  apply(connection: number, ticket: number, offer: boolean, sdp: string): void
  addCandidate(
    connection: number,
    candidate: string,
    mid: string | undefined,
    lineIndex: number | undefined,
    usernameFragment: string | undefined,
  ): void
  openChannel(connection: number, channel: number): void
  restartIce(connection: number, servers: RTCIceServer[], relayOnly: boolean): void
  sendFrame(connection: number, channel: number, bytes: Uint8Array): void
  attachStream(connection: number, stream: number): void
  detachStream(connection: number, stream: number): void
  readStats(connection: number, ticket: number): void
  closeConnection(connection: number): void
  /** A record of the transaction that `commitRecords` ends. One that is there stays if not to be replaced. */
  storeRecord(key: Uint8Array, bytes: Uint8Array, replace: boolean): void
  deleteRecord(key: Uint8Array): void
  /** Answered by `recordsStored` or `recordsFailed`. `hasOwn` says whether blocks written here are among them. */
  commitRecords(ticket: number, hasOwn: boolean): void
}

/** What the core tells the application. */
export interface Notices {
  admitted(): void
  joinFailed(error: MeshError): void
  status(status: RoomStatus): void
  peerAdded(peer: PeerId): void
  peerJoined(peer: PeerId): void
  peerState(peer: PeerId, state: PeerState): void
  peerLeft(peer: PeerId, joined: boolean, reason: MeshError): void
  message(peer: PeerId, toMe: boolean, kind: number, meta: ContentMeta | undefined, bytes: Uint8Array): void
  topicMessage(peer: PeerId, name: string, kind: number, meta: ContentMeta | undefined, bytes: Uint8Array): void
  presence(peer: PeerId, json: Uint8Array): void
  presenceCleared(peer: PeerId): void
  asked(
    request: number,
    peer: PeerId,
    name: string,
    kind: number,
    meta: ContentMeta | undefined,
    bytes: Uint8Array,
  ): void
  withdrawn(request: number): void
  answered(ticket: number, kind: number, meta: ContentMeta | undefined, bytes: Uint8Array): void
  /** One recipient of a send that is about to be reported by `sent`. */
  delivered(ticket: number, peer: PeerId): void
  /** One recipient of a send that is about to be reported by `sent`. */
  undelivered(ticket: number, peer: PeerId, error: MeshError): void
  sent(ticket: number): void
  /** A send that was refused or a request that failed. */
  refused(ticket: number, error: MeshError): void
  drained(ticket: number): void
  streamAdded(peer: PeerId, mediaId: string, label: string): void
  streamRemoved(peer: PeerId, mediaId: string): void
  diagnosis(ticket: number, report: Report): void
  trouble(error: MeshError): void
  closed(error: MeshError | undefined): void
  /** The ledger is open. `member` is who we are in this room. */
  ledgerOpened(member: string, restoredCount: number): void
  /** The order changed from this place on. */
  ledgerChanged(from: number, length: number): void
  /** Own blocks of this author below this number are stored. */
  ledgerStored(author: number, count: number): void
  /** A peer holds own blocks of this author below this number. */
  ledgerSeen(peer: PeerId, author: number, count: number): void
  ledgerForked(author: number, seq: number, own: boolean): void
  ledgerImported(ticket: number, heldCount: number, refusedCount: number, unsignedCount: number): void
  /** Storage failed; the ledger goes on in memory. */
  ledgerUnsaved(error: MeshError): void
}
