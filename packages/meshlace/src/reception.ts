/**
 * Takes what the core tells while it is drained: reads the bytes at once, because they are views, and
 * calls the application's listeners only when the core is free again.
 */
import { decode, decodeJson, encode, type Encoded } from './content.js'
import type { Application } from './driver.js'
import { MeshError } from './errors.js'
import { asBytes, NOTHING, STATES_BYTES_MAX, STATES_TOPIC, type Heard, type Hub } from './hub.js'
import type { ImportResult } from './ledger/types.js'
import type { ContentMeta } from './machine.js'
import { MeshPeer } from './peer.js'
import type { PeerId, PeerState, Report, RoomStatus } from './types.js'
import { UNHEARD_COUNT_MAX } from './unheard.js'

/** How the wait for admission ends. */
export interface Admission {
  admitted(): void
  failed(error: MeshError): void
}

/** The notices of one room. */
export class Reception implements Application {
  readonly #hub: Hub
  readonly #admission: Admission
  #told: (() => void)[] = []
  /** Requests of peers that a handler is at work on. */
  readonly #asked = new Map<number, AbortController>()
  readonly #labels = new Map<MediaStream, string>()
  #settling = false

  constructor(hub: Hub, admission: Admission) {
    this.#hub = hub
    this.#admission = admission
  }

  // ---- after the drain

  settle(): void {
    if (this.#settling) return
    this.#settling = true
    while (this.#told.length > 0) {
      const told = this.#told
      this.#told = []
      for (const tell of told) tell()
    }
    this.#settling = false
  }

  broken(cause: unknown): void {
    const error = new MeshError('InternalFault', { cause })
    this.#told.push(() => {
      this.#admission.failed(error)
      this.#end(error)
    })
  }

  /** Lets `listener` have what came before it, once the caller has its unsubscribe in hand. */
  hearMessages(): void {
    if (!this.#hub.unheard.waiting) return
    queueMicrotask(() => {
      this.#told.push(() => this.#releaseUnheard())
      this.settle()
    })
  }

  // ---- notices

  admitted(): void {
    this.#told.push(() => {
      // Until the application has the room, what happens would find no listener.
      this.#hub.events.hold()
      this.#admission.admitted()
    })
  }

  joinFailed(error: MeshError): void {
    this.#told.push(() => {
      this.#admission.failed(error)
      this.#end(undefined)
    })
  }

  status(status: RoomStatus): void {
    this.#told.push(() => {
      if (this.#hub.status === status) return
      this.#hub.status = status
      this.#hub.events.emit('status', status)
    })
  }

  peerAdded(id: PeerId): void {
    this.#told.push(() => this.#hub.setPeers((peers) => peers.set(id, new MeshPeer(this.#hub, id))))
  }

  peerJoined(id: PeerId): void {
    this.#told.push(() => this.#hub.events.emit('peerjoin', this.#peer(id)))
  }

  peerState(id: PeerId, state: PeerState): void {
    this.#told.push(() => this.#change(id, (peer) => (peer.state = state)))
  }

  peerLeft(id: PeerId, joined: boolean, reason: MeshError): void {
    this.#told.push(() => {
      const peer = this.#peer(id)
      for (const [stream, label] of peer.streams) this.#endStream(peer, stream, label)
      this.#hub.driver.remote.forget(id)
      // Whoever still holds the object sees that nothing can be heard of it.
      peer.state = 'away'
      this.#hub.setPeers((peers) => peers.delete(id))
      if (joined) this.#hub.events.emit('peerleave', peer, reason)
    })
  }

  message(id: PeerId, toMe: boolean, kind: number, meta: ContentMeta | undefined, bytes: Uint8Array): void {
    const size = bytes.length
    this.#read(id, kind, meta, bytes, (data) => {
      const heard: Heard = [data, this.#peer(id), { to: toMe ? 'me' : 'room' }]
      if (!this.#hub.unheard.waiting) this.#hub.events.emit('message', ...heard)
      else if (this.#hub.unheard.keep(heard, size) === 'dropped' && this.#hub.unheard.droppedCount === 1) {
        this.#reportUnheard("messages are dropped: 'message' has no listener")
      }
    })
  }

  topicMessage(id: PeerId, name: string, kind: number, meta: ContentMeta | undefined, bytes: Uint8Array): void {
    if (name === STATES_TOPIC) {
      if (bytes.length <= STATES_BYTES_MAX) this.#read(id, kind, meta, bytes, (message) => this.#hub.ledger.states.heard(id, message))
      return
    }
    const size = bytes.length
    this.#read(id, kind, meta, bytes, (data) => this.#hub.topics.arrived(name, data, this.#peer(id), size))
  }

  presence(id: PeerId, json: Uint8Array): void {
    let value: unknown
    try {
      value = decodeJson(json)
    } catch (error) {
      this.#misread(id, error)
      return
    }
    this.#told.push(() => this.#setPresence(id, value))
  }

  presenceCleared(id: PeerId): void {
    this.#told.push(() => this.#setPresence(id, undefined))
  }

  asked(
    request: number,
    id: PeerId,
    name: string,
    kind: number,
    meta: ContentMeta | undefined,
    bytes: Uint8Array,
  ): void {
    this.#read(id, kind, meta, bytes, (query) => void this.#answer(request, id, name, query))
  }

  withdrawn(request: number): void {
    this.#told.push(() => {
      this.#asked.get(request)?.abort(new MeshError('Cancelled'))
      this.#asked.delete(request)
    })
  }

  answered(ticket: number, kind: number, meta: ContentMeta | undefined, bytes: Uint8Array): void {
    let value: unknown
    try {
      value = decode(kind, meta, bytes)
    } catch (error) {
      this.refused(ticket, error as MeshError)
      return
    }
    this.#told.push(() => this.#hub.calls.get(ticket)?.resolve(value))
  }

  delivered(ticket: number, peer: PeerId): void {
    this.#hub.calls.get(ticket)?.delivered.push(peer)
  }

  undelivered(ticket: number, peer: PeerId, error: MeshError): void {
    this.#hub.calls.get(ticket)?.failed.set(peer, error)
  }

  sent(ticket: number): void {
    this.#told.push(() => this.#hub.calls.sent(ticket))
  }

  refused(ticket: number, error: MeshError): void {
    this.#told.push(() => {
      const call = this.#hub.calls.get(ticket)
      if (call !== undefined) call.reject(error)
      else if (ticket === 0) this.#hub.report(error)
    })
  }

  drained(ticket: number): void {
    this.#told.push(() => this.#hub.calls.get(ticket)?.resolve(undefined))
  }

  streamAdded(id: PeerId, mediaId: string, label: string): void {
    this.#told.push(() => {
      const stream = this.#hub.driver.remote.announce(id, mediaId)
      this.#labels.set(stream, label)
      const peer = this.#change(id, (peer) => (peer.streams = new Map(peer.streams).set(stream, label)))
      this.#hub.events.emit('stream', stream, peer, label)
    })
  }

  streamRemoved(id: PeerId, mediaId: string): void {
    this.#told.push(() => {
      const stream = this.#hub.driver.remote.end(id, mediaId)
      if (stream === undefined) return
      const label = this.#labels.get(stream) ?? ''
      const peer = this.#change(id, (peer) => {
        const streams = new Map(peer.streams)
        streams.delete(stream)
        peer.streams = streams
      })
      this.#endStream(peer, stream, label)
    })
  }

  diagnosis(ticket: number, report: Report): void {
    this.#told.push(() => this.#hub.calls.get(ticket)?.resolve(report))
  }

  trouble(error: MeshError): void {
    this.#told.push(() => this.#hub.report(error))
  }

  closed(error: MeshError | undefined): void {
    this.#told.push(() => this.#end(error))
  }

  ledgerOpened(member: string): void {
    this.#told.push(() => this.#hub.ledger.opened(member))
  }

  ledgerChanged(from: number): void {
    this.#told.push(() => this.#hub.ledger.changed(from))
  }

  ledgerStored(author: number, count: number): void {
    this.#told.push(() => this.#hub.ledger.receipts.stored(author, count))
  }

  ledgerSeen(peer: PeerId, author: number, count: number): void {
    this.#told.push(() => this.#hub.ledger.receipts.seen(peer, author, count))
  }

  ledgerForked(author: number, seq: number, own: boolean): void {
    this.#told.push(() => this.#hub.ledger.forked(author, seq, own))
  }

  ledgerImported(ticket: number, heldCount: number, refusedCount: number, unsignedCount: number): void {
    const result: ImportResult = { heldCount, refusedCount, unsignedCount }
    this.#told.push(() => this.#hub.calls.get(ticket)?.resolve(result))
  }

  ledgerUnsaved(error: MeshError): void {
    this.#told.push(() => this.#hub.ledger.unsaved(error))
  }

  // ---- private

  /** Decodes at once; a peer that sends what it does not declare is reported, nothing else. */
  #read(
    id: PeerId,
    kind: number,
    meta: ContentMeta | undefined,
    bytes: Uint8Array,
    tell: (data: unknown) => void,
  ): void {
    let data: unknown
    try {
      data = decode(kind, meta, bytes)
    } catch (error) {
      this.#misread(id, error)
      return
    }
    this.#told.push(() => tell(data))
  }

  #misread(id: PeerId, cause: unknown): void {
    const message = cause instanceof Error ? cause.message : String(cause)
    const error = new MeshError('ProtocolViolation', { message, peer: id, cause })
    this.#told.push(() => this.#hub.report(error))
  }

  #peer(id: PeerId): MeshPeer {
    return this.#hub.peers.get(id) ?? new MeshPeer(this.#hub, id)
  }

  #change(id: PeerId, change: (peer: MeshPeer) => void): MeshPeer {
    const peer = this.#peer(id)
    change(peer)
    if (this.#hub.peers.has(id)) this.#hub.setPeers(() => undefined)
    return peer
  }

  #setPresence(id: PeerId, value: unknown): void {
    const peer = this.#change(id, (peer) => (peer.presence = value))
    this.#hub.events.emit('presence', value, peer)
  }

  #endStream(peer: MeshPeer, stream: MediaStream, label: string): void {
    this.#labels.delete(stream)
    this.#hub.events.emit('streamend', stream, peer, label)
  }

  async #answer(request: number, id: PeerId, name: string, query: unknown): Promise<void> {
    const { driver, handlers } = this.#hub
    const handler = handlers.get(name)
    if (handler === undefined) {
      driver.input((machine) => machine.respondNoHandler(request))
      return
    }
    const controller = new AbortController()
    this.#asked.set(request, controller)
    let content: Encoded
    try {
      const value = await handler(query, this.#peer(id), { signal: controller.signal })
      content = value === undefined ? NOTHING : await encode(value)
    } catch (cause) {
      if (!this.#asked.delete(request)) return
      const detail = (cause instanceof Error ? cause.message : String(cause)).slice(0, DETAIL_LENGTH_MAX)
      driver.input((machine) => machine.respondFailed(request, detail))
      this.#hub.listenerFailed(cause, `request ${name}`)
      return
    }
    // Withdrawn in the meantime: nobody waits for it.
    if (!this.#asked.delete(request)) return
    const { kind, bytes, name: fileName, type } = asBytes(content)
    driver.input((machine) => machine.respond(request, kind, fileName, type, bytes))
  }

  #releaseUnheard(): void {
    const { unheard, events } = this.#hub
    if (!unheard.waiting) return
    const { droppedCount } = unheard
    for (const heard of unheard.release()) events.emit('message', ...heard)
    if (droppedCount > 0) this.#reportUnheard(`${droppedCount} messages were dropped before 'message' had a listener`)
  }

  #reportUnheard(message: string): void {
    this.#hub.report(new MeshError('QueueFull', { message, limit: UNHEARD_COUNT_MAX }))
  }

  #end(error: MeshError | undefined): void {
    for (const controller of this.#asked.values()) controller.abort(new MeshError('RoomClosed'))
    this.#asked.clear()
    this.#hub.driver.close()
    if (this.#hub.status !== 'closed') {
      this.#hub.status = 'closed'
      this.#hub.events.emit('status', 'closed')
    }
    this.#hub.close(error)
  }
}

/** What is told of a handler's failure: enough to understand, too short to be a leak of much. */
const DETAIL_LENGTH_MAX = 200
