/**
 * What a page author sees: every public type of the package. The classes behind them are private.
 */
import type { MeshError } from './errors.js'
import type { Divergence, RoomLedger, SharedStore, StoreAction, StoreOptions } from './ledger/types.js'

/** The name of a peer: its public key as text. */
export type PeerId = string

/** What may be sent. Checked at run time: what would not arrive as it was is refused. */
export type Sendable =
  | string
  | number
  | boolean
  | null
  | object
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | File

/** What an application's room speaks of. Every part is optional. */
export interface RoomShape {
  /** What `send` takes and `message` gives. */
  message?: unknown
  /** What `presence` holds. */
  presence?: unknown
  /** Requests by name, as functions from what is asked to what is answered. */
  requests?: object
}

/** What arrives as a `message` in a room of this shape. */
export type MessageOf<T extends RoomShape> = T extends { message: infer M } ? M : unknown
/** What `send` takes in a room of this shape: bytes arrive as `Uint8Array`, but leave in any form. */
export type OutgoingOf<T extends RoomShape> = T extends { message: infer M } ? Outgoing<M> : Sendable
/** What the presence of a peer holds in a room of this shape. */
export type PresenceOf<T extends RoomShape> = T extends { presence: infer P } ? P : unknown
/** The names of the requests in a room of this shape. */
export type RequestName<T extends RoomShape> = T extends { requests: infer R } ? keyof R & string : string
/** What a request asks. */
export type QueryOf<T extends RoomShape, K> = T extends { requests: infer R }
  ? K extends keyof R
    ? R[K] extends (...given: infer A) => unknown
      ? A extends [infer Q, ...unknown[]]
        ? Q
        : undefined
      : never
    : never
  : unknown
/** What a request is answered with. */
export type AnswerOf<T extends RoomShape, K> = T extends { requests: infer R }
  ? K extends keyof R
    ? R[K] extends (...given: never[]) => infer A
      ? Awaited<A>
      : never
    : never
  : unknown
/** A value as it may leave: where bytes arrive as `Uint8Array`, any buffer may be given. */
export type Outgoing<M> = M | (Uint8Array extends M ? ArrayBuffer | ArrayBufferView : never)

/** How the room stands as a whole. */
export type RoomStatus = 'alone' | 'linking' | 'connected' | 'offline' | 'closed'

/** How the link to a peer stands. */
export type PeerState = 'linking' | 'open' | 'recovering' | 'away'

/** Ends a wait: it rejects with `signal.reason`. */
export interface Abortable {
  /** Ends the wait. */
  signal?: AbortSignal | undefined
}

/** How to join a room. */
export interface JoinOptions extends Abortable {
  /** The signalling server (`wss://host` or `https://host`), where the address does not name it. */
  server?: string | undefined
  /** STUN and TURN servers, instead of those that the signalling server names. */
  iceServers?: readonly RTCIceServer[] | undefined
  /** `relay` keeps this page's network addresses from the peers; it needs a TURN server. */
  iceTransportPolicy?: RTCIceTransportPolicy | undefined
  /** How long to wait for admission. Units: milliseconds. 10,000 if not given. */
  timeout?: number | undefined
  /** A secret of 32 bytes that names this peer; a fresh one is drawn if none is given. */
  identity?: Uint8Array | undefined
  /** Turns a bare room name into a room that only those who know the passphrase can open. */
  passphrase?: string | undefined
  /**
   * Where the ledger is kept: in the browser's storage, or as long as the page lives. `browser` if not
   * given; where that is refused, the room goes on in memory and an `error` says so.
   */
  storage?: 'browser' | 'memory' | undefined
}

/** How to make a room. */
export interface CreateOptions extends Omit<JoinOptions, 'passphrase'> {
  /** The page that opens the room, for its address; `location.href` in most cases. */
  page?: string | undefined
  /** Whether only the creator writes in the ledger. Everyone who has the address does, if not given. */
  owned?: boolean | undefined
  /** What the room is called, for those who look into its ledger. At most 128 bytes. */
  name?: string | undefined
}

/** What became of a message to the room. */
export interface SendResult {
  /** Who has it. */
  readonly delivered: PeerId[]
  /** Who does not have it, or may not have it, and why. */
  readonly failed: Map<PeerId, MeshError>
}

/** How a message came. */
export interface MessageContext {
  /** Whether it was sent to everyone in the room or to this peer alone. */
  readonly to: 'room' | 'me'
}

/** What happens in a room, and what its listeners are given. */
export interface RoomEvents<T extends RoomShape = {}> {
  /** `room.status` changed. */
  status: [status: RoomStatus]
  /** `room.peers` changed: someone came, left, or changed state, presence or streams. */
  peers: [peers: ReadonlyMap<PeerId, Peer<T>>]
  /** The link to a peer is verified for the first time. */
  peerjoin: [peer: Peer<T>]
  /** A peer that had joined is gone. */
  peerleave: [peer: Peer<T>, reason: MeshError]
  /** A message came in. */
  message: [data: MessageOf<T>, peer: Peer<T>, context: MessageContext]
  /** What a peer shows of itself changed; `undefined` if it was cleared. */
  presence: [state: PresenceOf<T> | undefined, peer: Peer<T>]
  /** A peer shares a media stream. */
  stream: [stream: MediaStream, peer: Peer<T>, label: string]
  /** A peer's media stream ended. */
  streamend: [stream: MediaStream, peer: Peer<T>, label: string]
  /** A peer holds the same blocks and came to another state. Without a listener it is an `error`. */
  divergence: [divergence: Divergence]
  /** Something went wrong that no call can be told. Without a listener it goes to the console. */
  error: [error: MeshError]
}

/** Ends a subscription. */
export type Unsubscribe = () => void

/** Answers a request; what it returns or resolves to is the answer. */
export type RequestHandler<T extends RoomShape, K> = (
  query: QueryOf<T, K>,
  peer: Peer<T>,
  context: { readonly signal: AbortSignal },
) => AnswerOf<T, K> | Promise<AnswerOf<T, K>>

/** How to ask a peer. */
export interface RequestOptions extends Abortable {
  /** How long to wait for the answer. Units: milliseconds. 30,000 if not given. */
  timeout?: number | undefined
}

/** One participant of the room. The same object for as long as the room is open. */
export interface Peer<T extends RoomShape = {}> {
  /** Its name. */
  readonly id: PeerId
  /** How the link to it stands. */
  readonly state: PeerState
  /** What it shows of itself. */
  readonly presence: PresenceOf<T> | undefined
  /** The media streams it shares, each with its label. A new map at each change. */
  readonly streams: ReadonlyMap<MediaStream, string>
  /**
   * Sends to this peer alone. Resolves when it has the message; rejects with a `MeshError` whose
   * `delivery` says whether it may have arrived. May be called before the link is open.
   */
  send(data: OutgoingOf<T>, options?: Abortable): Promise<void>
  /** Asks this peer; resolves to what its handler answers. */
  request<K extends RequestName<T>>(
    name: K,
    query?: QueryOf<T, K>,
    options?: RequestOptions,
  ): Promise<AnswerOf<T, K>>
  /** Resolves when more may be sent to this peer without queueing over the mark. */
  drained(options?: Abortable): Promise<void>
}

/** A named channel on which every message is delivered. */
export interface ReliableChannel<M, T extends RoomShape = {}> {
  /** The channel's name. */
  readonly name: string
  /** Sends to everyone in the room, or to one peer. */
  send(data: Outgoing<M>, options?: Abortable & { to?: Peer<T> | undefined }): Promise<SendResult>
  /** Calls `listener` with each message that arrives. */
  subscribe(listener: (data: M, peer: Peer<T>) => void): Unsubscribe
}

/** A named channel on which messages may be lost but are never late: the latest wins. */
export interface LossyChannel<M, T extends RoomShape = {}> {
  /** The channel's name. */
  readonly name: string
  /**
   * Sends to everyone, or to one peer, who can be reached now. At most 15 KiB. What a link does not take is
   * dropped and counted: `lossyDroppedCount` in {@link PeerReport}.
   */
  send(data: Outgoing<M>, options?: { to?: Peer<T> | undefined }): void
  /** Calls `listener` with each message that arrives. */
  subscribe(listener: (data: M, peer: Peer<T>) => void): Unsubscribe
}

/** What this peer shows of itself to the others, those who come later included. */
export interface Presence<P> {
  /** What was set last. */
  readonly value: P | undefined
  /** Replaces it. At most 16 KiB as JSON. */
  set(value: P): void
  /** Takes it away. */
  clear(): void
}

/** How to share a stream. */
export interface StreamOptions<T extends RoomShape = {}> {
  /** Who gets it: everyone, late joiners included, or one peer. */
  to?: Peer<T> | undefined
  /** What the receivers are told about it. */
  label?: string | undefined
}

/** A room: the peers in it, and what can be done with them. */
export interface Room<T extends RoomShape = {}> extends AsyncDisposable {
  /** This peer's own name. */
  readonly selfId: PeerId
  /** The address that opens this room: the invite. */
  readonly address: string
  /** Everyone else who is here. A new map at each change, the same one in between. */
  readonly peers: ReadonlyMap<PeerId, Peer<T>>
  /** How the room stands as a whole. */
  readonly status: RoomStatus
  /** What this peer shows of itself. */
  readonly presence: Presence<PresenceOf<T>>

  /** Calls `listener` at each event of this kind, until the returned function is called. */
  on<E extends keyof RoomEvents<T>>(event: E, listener: (...given: RoomEvents<T>[E]) => void): Unsubscribe
  /**
   * Sends to everyone who is here. Resolves when each of them has the message or is known to have
   * failed; rejects only when nothing was sent.
   */
  send(data: OutgoingOf<T>, options?: Abortable): Promise<SendResult>
  /** Answers requests of this name, until the returned function is called. */
  handle<K extends RequestName<T>>(name: K, handler: RequestHandler<T, K>): Unsubscribe
  /** A named channel beside the messages. */
  channel<M = unknown>(name: string, options: { reliable: false }): LossyChannel<M, T>
  channel<M = unknown>(name: string, options?: { reliable?: true }): ReliableChannel<M, T>

  /**
   * A shared state: what is dispatched to it on any page reaches all pages, in one order, and is stored.
   * It is a Redux store. One name is opened once.
   *
   * @throws {@link MeshError} `InvalidArgument` or `RoomClosed`.
   */
  store<S, A extends StoreAction = StoreAction>(name: string, options: StoreOptions<S, A>): SharedStore<S, A>
  /** What the stores stand on: every block that was written in this room. */
  readonly ledger: RoomLedger

  /** Shares a media stream with everyone, or with one peer. */
  addStream(stream: MediaStream, options?: StreamOptions<T>): void
  /** Puts `next` in the place of `old` in every stream shared, without a new negotiation. */
  replaceTrack(old: MediaStreamTrack, next: MediaStreamTrack): Promise<void>
  /** Stops sharing a media stream. Its tracks go on. */
  removeStream(stream: MediaStream): void

  /** How every link stands, how it got there and why it failed, in words. */
  diagnose(options?: Abortable): Promise<Report>
  /** Leaves: waits up to 2 s for acknowledgements, then closes everything. */
  leave(options?: Abortable): Promise<void>
}

/** Everything known about a room's links at one moment. */
export interface Report {
  /** This peer's own name. */
  readonly selfId: PeerId
  /** How the room stands as a whole. */
  readonly status: RoomStatus
  /** How the server stands: `connected`, `connecting`, or why not. */
  readonly server: string
  /** One entry for each peer. */
  readonly peers: readonly PeerReport[]
}

/** Where a link stands, in the words of the protocol. */
export type LinkState =
  | 'new'
  | 'signalling'
  | 'connecting'
  | 'awaiting-hello'
  | 'open'
  | 'suspect'
  | 'restarting'
  | 'rebuilding'
  | 'closed'

/** One peer of a {@link Report}. */
export interface PeerReport {
  /** Who. */
  readonly peer: PeerId
  /** As the application sees it. */
  readonly state: PeerState
  /** What stands out, as sentences. */
  readonly findings: readonly string[]
  /** Where the link stands. */
  readonly link: LinkState
  /** How long it has been in each state. Units: milliseconds. */
  readonly spentMs: Readonly<Partial<Record<LinkState, number>>>
  /** Which connection of the link this is; rises with each rebuild. */
  readonly epoch: number
  /** As the browser last said. */
  readonly iceState: RTCIceConnectionState
  /** As the browser last said. */
  readonly connectionState: RTCPeerConnectionState
  /** Kinds of candidates gathered here. */
  readonly localCandidates: readonly string[]
  /** Kinds of candidates the peer sent. */
  readonly remoteCandidates: readonly string[]
  /** What STUN and TURN servers failed to give. */
  readonly gatheringFailures: readonly { readonly url: string; readonly detail: string }[]
  /** The pair of addresses in use, where the browser could say. */
  readonly path: PathReport | undefined
  /** Round trip of the last heartbeat. Units: milliseconds. */
  readonly roundTripMs: number | undefined
  /** Bytes of frames sent. */
  readonly sentBytes: number
  /** Bytes of frames received. */
  readonly receivedBytes: number
  /** Messages acknowledged by the peer. */
  readonly deliveredCount: number
  /** Messages received in order. */
  readonly receivedCount: number
  /**
   * Messages of channels with `reliable: false` that were dropped unsent, for the link was not open or too much
   * was buffered. What was lost on the way is not among them.
   */
  readonly lossyDroppedCount: number
  /** Bytes queued and not yet acknowledged. */
  readonly queuedBytes: number
  /** ICE restarts so far. */
  readonly restartCount: number
  /** Connections replaced so far. */
  readonly rebuildCount: number
  /** How long nothing was heard. Units: milliseconds. */
  readonly silentMs: number
  /** Why the last attempt failed. */
  readonly lastFailure: string | undefined
}

/** The transport beneath a link, as the browser measures it. */
export interface PathReport {
  /** Kind of the candidate in use here: `host`, `srflx`, `prflx` or `relay`. */
  readonly localCandidate: string | undefined
  /** Kind of the candidate in use on the other side. */
  readonly remoteCandidate: string | undefined
  /** `udp` or `tcp`. */
  readonly protocol: string | undefined
  /** Round trip of the pair. Units: milliseconds. */
  readonly roundTripMs: number | undefined
  /** Bytes sent, media included. */
  readonly sentBytes: number
  /** Bytes received, media included. */
  readonly receivedBytes: number
}
