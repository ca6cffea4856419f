/**
 * What stands behind a room and its peers: takes the application's calls to the core, and what the
 * core tells to the application's listeners.
 */
import { Calls, type Call } from './calls.js'
import { encode, encodeJson, type Encoded } from './content.js'
import type { Driver } from './driver.js'
import { Emitter } from './emitter.js'
import { MeshError, type Delivery } from './errors.js'
import { Ledger } from './ledger/ledger.js'
import type { Divergence, ImportResult } from './ledger/types.js'
import { Line } from './line.js'
import { Kind, type Machine } from './machine.js'
import type { LocalStream } from './media.js'
import type { MeshPeer } from './peer.js'
import { Topics } from './topics.js'
import type {
  Abortable,
  PeerId,
  Report,
  RequestOptions,
  RoomEvents,
  RoomStatus,
  SendResult,
} from './types.js'
import { Unheard } from './unheard.js'

/** What a handler is: types are checked where the application gives it. */
export type Handler = (query: unknown, peer: MeshPeer, context: { signal: AbortSignal }) => unknown

/** A message on its way to the listeners. */
export type Heard = RoomEvents['message']

/** Stands for everyone where a peer's name may stand. */
export const EVERYONE = ''

/** The state of one room. */
export class Hub {
  readonly calls = new Calls()
  readonly handlers = new Map<string, Handler>()
  readonly topics = new Topics(this)
  readonly ledger = new Ledger(this)
  readonly unheard = new Unheard<Heard>()
  readonly events = new Emitter<RoomEvents>((cause, event) => this.listenerFailed(cause, event))
  readonly streams = new Set<LocalStream & { readonly to: PeerId }>()
  readonly selfId: PeerId
  readonly address: string
  driver!: Driver
  status: RoomStatus = 'alone'
  shownPresence: unknown = undefined
  /** Why the room closed, once it has. */
  closedBy: { readonly error: MeshError | undefined } | undefined
  readonly #line = new Line()
  #peers: ReadonlyMap<PeerId, MeshPeer> = new Map()
  #streamKey = 0
  /** What went wrong before the application could listen. */
  #early: MeshError[] | undefined = []
  readonly #whenClosed: (() => void)[] = []

  /** The hash of states. */
  readonly hash: (bytes: Uint8Array) => Uint8Array

  constructor(machine: Machine, hash: (bytes: Uint8Array) => Uint8Array) {
    this.hash = hash
    this.selfId = machine.selfId()
    this.address = machine.address()
  }

  get peers(): ReadonlyMap<PeerId, MeshPeer> {
    return this.#peers
  }

  /** Puts a new map in the place of the old one, which those who hold it may compare. */
  setPeers(change: (peers: Map<PeerId, MeshPeer>) => void): void {
    const peers = new Map(this.#peers)
    change(peers)
    this.#peers = peers
    this.events.emit('peers', peers)
  }

  // ---- calls of the application

  send(to: PeerId, data: unknown, options: Abortable | undefined): Promise<SendResult> {
    return this.#post(data, options?.signal, (machine, { ticket }, content) => {
      if ('text' in content) machine.sendText(ticket, to, content.kind === Kind.json, content.text)
      else machine.sendBytes(ticket, to, content.kind, content.name, content.type, content.bytes)
    })
  }

  sendTopic(to: PeerId, topic: string, data: unknown, options: Abortable | undefined): Promise<SendResult> {
    return this.#post(data, options?.signal, (machine, { ticket }, content) =>
      feedTopic(machine, ticket, to, topic, false, content),
    )
  }

  /** Sends what may be lost. What cannot be sent at all goes to `error`, for there is no promise. */
  sendLossy(to: PeerId, topic: string, data: unknown): void {
    if (this.closedBy !== undefined) throw this.closedError()
    const content = encode(data)
    if (content instanceof Promise) {
      throw new MeshError('NotSerializable', {
        message: 'a Blob or File cannot be sent on an unreliable channel: give its bytes',
        delivery: 'not-sent',
        found: 'a Blob',
      })
    }
    this.driver.input((machine) => feedTopic(machine, LOSSY_TICKET, to, topic, true, content))
  }

  request(to: PeerId, name: string, query: unknown, options: RequestOptions | undefined): Promise<unknown> {
    return this.#post(
      query,
      options?.signal,
      (machine, { ticket }, content) => {
        const { kind, bytes, name: fileName, type } = asBytes(content)
        machine.request(ticket, to, name, kind, fileName, type, bytes, options?.timeout ?? -1)
      },
      NOTHING,
    )
  }

  drainedOf(peer: PeerId, options: Abortable | undefined): Promise<void> {
    return this.#open(options?.signal, ({ ticket }) =>
      this.driver.input((machine) => machine.awaitDrained(ticket, peer)),
    )
  }

  diagnose(options: Abortable | undefined): Promise<Report> {
    return this.#open(options?.signal, ({ ticket }) => this.driver.input((machine) => machine.diagnose(ticket)))
  }

  /** Resolves when the room is closed, by us or otherwise. */
  leave(options: Abortable | undefined): Promise<void> {
    if (this.closedBy !== undefined) return Promise.resolve()
    return this.#open(options?.signal, (call) => {
      this.#whenClosed.push(() => call.resolve(undefined))
      this.driver.input((machine) => machine.leave())
    })
  }

  /** Takes a ledger's file in. */
  importLedger(bytes: Uint8Array): Promise<ImportResult> {
    return this.#open(undefined, ({ ticket }) => this.driver.input((machine) => machine.ledgerImport(ticket, bytes)))
  }

  setPresence(value: unknown): void {
    const json = encodeJson(value)
    this.shownPresence = value
    this.driver.input((machine) => machine.setPresence(json))
  }

  clearPresence(): void {
    this.shownPresence = undefined
    this.driver.input((machine) => machine.clearPresence())
  }

  addStream(stream: MediaStream, to: PeerId, label: string): void {
    if (this.closedBy !== undefined) throw this.closedError()
    for (const shared of this.streams) {
      if (shared.stream === stream && (shared.to === EVERYONE || to === EVERYONE || shared.to === to)) {
        throw new MeshError('InvalidArgument', { message: 'this stream is shared already' })
      }
    }
    this.#streamKey += 1
    const local = { key: this.#streamKey, stream, tracks: stream.getTracks(), to }
    this.streams.add(local)
    this.driver.setStream(local)
    this.driver.input((machine) => machine.addStream(local.key, stream.id, label, to))
  }

  removeStream(stream: MediaStream): void {
    for (const local of this.streams) {
      if (local.stream !== stream) continue
      this.streams.delete(local)
      this.driver.input((machine) => machine.removeStream(local.key))
    }
  }

  async replaceTrack(old: MediaStreamTrack, next: MediaStreamTrack): Promise<void> {
    for (const local of this.streams) {
      local.tracks = local.tracks.map((track) => (track === old ? next : track))
    }
    await this.driver.replaceTrack(old, next)
  }

  // ---- for the ledger

  tellStates(to: PeerId | undefined, message: unknown): void {
    if (this.#peers.size === 0) return
    const text = JSON.stringify(message)
    // Nobody waits for it: who does not get it is told again after the next change.
    this.driver.input((machine) => machine.sendTopicText(LOSSY_TICKET, to ?? EVERYONE, STATES_TOPIC, false, true, text))
  }

  diverged(divergence: Divergence): void {
    if (this.events.heard('divergence')) {
      this.events.emit('divergence', divergence)
      return
    }
    const { store, peer, keys, own, theirs } = divergence
    const message = `the reducer of store '${store}' gave another state at ${peer} (${keys.join(', ') || 'as a whole'})`
    this.report(new MeshError('Diverged', { message, peer, expected: own, found: theirs }))
  }

  // ---- for those who tell

  /** Tells of an error that no call can be told. Nothing fails silently. */
  report(error: MeshError): void {
    if (this.#early !== undefined) this.#early.push(error)
    else if (this.events.heard('error')) this.events.emit('error', error)
    else console.error(error)
  }

  /** The application has the room, or will never have it: tells what happened before, after its listeners are there. */
  handedOver(): void {
    setTimeout(() => {
      this.events.release()
      const early = this.#early ?? []
      this.#early = undefined
      for (const error of early) this.report(error)
    })
  }

  listenerFailed(cause: unknown, event: string): void {
    const error = new MeshError('ListenerFailed', {
      message: `a listener of '${event}' threw: ${String(cause)}`,
      found: event,
      cause,
    })
    // A listener of `error` that fails must not be told of its own failure.
    if (event === 'error') console.error(error)
    else this.report(error)
  }

  /** Ends the room: every call that is still open is told. */
  close(error: MeshError | undefined): void {
    if (this.closedBy !== undefined) return
    this.closedBy = { error }
    this.ledger.close(this.closedError())
    for (const tell of this.#whenClosed.splice(0)) tell()
    this.calls.rejectAll(({ isFed }) => this.closedError(isFed ? 'unknown' : 'not-sent'))
    if (error !== undefined) this.report(error)
  }

  /** What a call that comes after the end is told, and one that the core never heard of. */
  closedError(delivery: Delivery = 'not-sent'): MeshError {
    return new MeshError('RoomClosed', { cause: this.closedBy?.error, delivery })
  }

  /** Encodes at the call, so that later changes of the value do not show, and feeds in turn. */
  #post<V>(
    data: unknown,
    signal: AbortSignal | undefined,
    feed: (machine: Machine, call: Call, content: Encoded) => void,
    nothing?: Encoded,
  ): Promise<V> {
    let content: Encoded | Promise<Encoded>
    try {
      content = nothing !== undefined && data === undefined ? nothing : encode(data)
    } catch (error) {
      return Promise.reject(error as MeshError)
    }
    return this.#open(signal, (call) => {
      const put = (ready: Encoded) => {
        if (call.settled) return
        call.isFed = true
        this.driver.input((machine) => feed(machine, call, ready))
      }
      if (content instanceof Promise) {
        const reading = content
        this.#line.take(() => reading.then(put, (error: unknown) => call.reject(error)))
      } else {
        // While it waits the application may change its buffer.
        const ready = this.#line.held && 'bytes' in content ? { ...content, bytes: content.bytes.slice() } : content
        this.#line.take(() => void put(ready))
      }
    })
  }

  #open<V>(signal: AbortSignal | undefined, start: (call: Call) => void): Promise<V> {
    if (this.closedBy !== undefined) return Promise.reject(this.closedError())
    return this.calls.open(signal, (ticket) => this.driver.input((machine) => machine.cancel(ticket)), start)
  }
}

/** The channel on which states are compared; no application's. */
export const STATES_TOPIC = 'meshlace:states'
/** More is said of states by nobody but who wants to fill our memory: this is the hashes of 300 stores. */
export const STATES_BYTES_MAX = 64 * 1024

/** What a query or answer of `undefined` is. */
export const NOTHING: Encoded = { kind: Kind.nothing, bytes: new Uint8Array(0), name: '', type: '' }

/** The one form in which requests and answers cross. */
export function asBytes(content: Encoded): Extract<Encoded, { bytes: Uint8Array }> {
  return 'bytes' in content
    ? content
    : { kind: content.kind, bytes: new TextEncoder().encode(content.text), name: '', type: '' }
}

/** No call has this ticket: a lossy message has no promise. */
export const LOSSY_TICKET = 0

function feedTopic(
  machine: Machine,
  ticket: number,
  to: PeerId,
  topic: string,
  lossy: boolean,
  content: Encoded,
): void {
  if ('text' in content) machine.sendTopicText(ticket, to, topic, lossy, content.kind === Kind.json, content.text)
  else {
    machine.sendTopicBytes(ticket, to, topic, lossy, content.kind, content.name, content.type, content.bytes)
  }
}
