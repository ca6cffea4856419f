/**
 * One WebRTC connection: carries out what the core asks and reports what happens. It decides
 * nothing, and it never throws.
 */
import { UNTOLD_BYTES_MAX } from '../generated/limits.js'
import type { Machine } from './machine.js'
import type { LocalStream, RemoteStreams } from './media.js'
import { configuration, makeChannel, takeBlank } from './spare.js'
import { readStats } from './stats.js'
import type { PeerId } from './types.js'

/** Takes what happened to the core; what it asks for follows at once, or when it is free. */
export type Feed = (input: (machine: Machine) => void) => void

/** An `RTCPeerConnection` with its channels: control from the first, the others when the core wants them. */
export class Connection {
  readonly peer: PeerId
  readonly #id: number
  readonly #feed: Feed
  readonly #remote: RemoteStreams
  readonly #connection: RTCPeerConnection
  /** By stream id. */
  readonly #channels: RTCDataChannel[]
  /** Bytes handed to each channel since its fill was last asked for. */
  readonly #untold: number[] = []
  /** Senders by stream, so that a stream can be taken off again. */
  readonly #senders = new Map<LocalStream, RTCRtpSender[]>()
  /** Streams whose tracks come with the description being applied: told of once all tracks are there. */
  readonly #arrived = new Set<string>()
  #closed = false

  /** @throws what the browser throws where it can make no more connections. */
  constructor(
    id: number,
    peer: PeerId,
    servers: RTCIceServer[],
    relayOnly: boolean,
    feed: Feed,
    remote: RemoteStreams,
  ) {
    this.#id = id
    this.peer = peer
    this.#feed = feed
    this.#remote = remote
    const { connection, control, isNeeding } = takeBlank(servers, relayOnly)
    this.#connection = connection
    this.#channels = [control]
    // Handlers before anything can happen: an event that finds no handler is lost.
    this.#listenTo(control, 0)
    this.#listen()
    if (isNeeding) this.#report((machine) => machine.negotiationNeeded(id))
  }

  openChannel(id: number): void {
    try {
      this.#listenTo((this.#channels[id] = makeChannel(this.#connection, id)), id)
    } catch {
      // Only a connection that closed meanwhile refuses.
      this.#report((machine) => machine.channelClosed(this.#id, id))
    }
  }

  /** Hands a frame to a channel, which copies it. Returns whether its fill should be told now. */
  send(channel: number, frame: Uint8Array): boolean {
    try {
      this.#channels[channel]!.send(frame as Uint8Array<ArrayBuffer>)
    } catch {
      // Closed, or full beyond what the browser bears: either way its order is lost.
      this.#report((machine) => machine.channelClosed(this.#id, channel))
      return false
    }
    this.#untold[channel] = (this.#untold[channel] ?? 0) + frame.length
    return this.#untold[channel] >= UNTOLD_BYTES_MAX
  }

  /** Bytes that a channel has not passed on yet. */
  bufferedBytes(channel: number): number {
    this.#untold[channel] = 0
    return this.#channels[channel]!.bufferedAmount
  }

  describe(ticket: number): void {
    this.#run(ticket, this.#connection.setLocalDescription(), (machine) => {
      const description = this.#connection.localDescription
      if (description === null) machine.operationFailed(this.#id, ticket, 'no local description')
      else machine.described(this.#id, ticket, description.type === 'offer', description.sdp)
    })
  }

  apply(ticket: number, offer: boolean, sdp: string): void {
    const done = this.#connection.setRemoteDescription({ type: offer ? 'offer' : 'answer', sdp })
    this.#run(ticket, done, (machine) => {
      for (const mediaId of this.#arrived) machine.trackArrived(this.#id, mediaId)
      this.#arrived.clear()
      machine.applied(this.#id, ticket)
    })
  }

  addCandidate(init: RTCIceCandidateInit): void {
    // A refused candidate is no failure: others may do.
    this.#connection.addIceCandidate(init).catch(() => undefined)
  }

  restartIce(servers: RTCIceServer[], relayOnly: boolean): void {
    try {
      this.#connection.setConfiguration(configuration(servers, relayOnly))
    } catch {
      // Servers that this browser refuses leave the former ones in place; the restart still helps.
    }
    this.#connection.restartIce()
  }

  /** Adds the stream's tracks. Returns what the browser refused. */
  attach(stream: LocalStream): unknown {
    let refused: unknown
    const senders: RTCRtpSender[] = []
    for (const track of stream.tracks) {
      try {
        senders.push(this.#connection.addTrack(track, stream.stream))
      } catch (error) {
        refused = error
      }
    }
    this.#senders.set(stream, senders)
    return refused
  }

  detach(stream: LocalStream): void {
    for (const sender of this.#senders.get(stream) ?? []) {
      try {
        this.#connection.removeTrack(sender)
      } catch {
        // The connection is closed, and the sender with it.
      }
    }
    this.#senders.delete(stream)
  }

  /** Puts `next` in the place of `old` wherever it is sent. */
  async replaceTrack(old: MediaStreamTrack, next: MediaStreamTrack): Promise<void> {
    const senders = [...this.#senders.values()].flat().filter((sender) => sender.track === old)
    await Promise.all(senders.map((sender) => sender.replaceTrack(next)))
  }

  stats(ticket: number): void {
    readStats(this.#connection).then(
      (figures) =>
        this.#report((machine) =>
          machine.stats(
            this.#id,
            ticket,
            figures.localCandidate,
            figures.remoteCandidate,
            figures.protocol,
            figures.roundTripMs,
            figures.sentBytes,
            figures.receivedBytes,
          ),
        ),
      (error: unknown) => this.#report((machine) => machine.operationFailed(this.#id, ticket, String(error))),
    )
  }

  /** Closes it. Always called: a browser process bears some 500, those not yet collected included. */
  close(): void {
    this.#closed = true
    for (const channel of Object.values(this.#channels)) {
      channel.onopen = channel.onclose = channel.onerror = channel.onmessage = channel.onbufferedamountlow = null
    }
    const connection = this.#connection
    connection.onicecandidate = connection.onicecandidateerror = connection.onnegotiationneeded = null
    connection.oniceconnectionstatechange = connection.onconnectionstatechange = connection.ontrack = null
    connection.close()
    this.#senders.clear()
    this.#remote.drop(this)
  }

  #listenTo(channel: RTCDataChannel, index: number): void {
    const id = this.#id
    channel.onopen = () => this.#report((machine) => machine.channelOpened(id, index))
    channel.onclose = () => this.#report((machine) => machine.channelClosed(id, index))
    // An error is followed by `close`, which is what counts.
    channel.onerror = () => undefined
    channel.onbufferedamountlow = () =>
      this.#report((machine) => machine.buffered(id, index, channel.bufferedAmount))
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : new TextEncoder().encode(String(data))
      this.#report((machine) => machine.frameReceived(id, index, bytes))
    }
  }

  #listen(): void {
    const connection = this.#connection
    const id = this.#id
    connection.onicecandidate = ({ candidate }) => {
      // An empty candidate marks the end of one generation; `null` that of all.
      if (candidate === null) this.#report((machine) => machine.gatheringDone(id))
      else if (candidate.candidate !== '') {
        this.#report((machine) =>
          machine.candidateGathered(
            id,
            candidate.candidate,
            candidate.sdpMid ?? undefined,
            candidate.sdpMLineIndex ?? undefined,
            candidate.usernameFragment ?? undefined,
          ),
        )
      }
    }
    connection.onicecandidateerror = (event) =>
      this.#report((machine) => machine.gatheringFailed(id, event.url ?? '', event.errorCode, event.errorText ?? ''))
    connection.onnegotiationneeded = () => this.#report((machine) => machine.negotiationNeeded(id))
    let isFirst = true
    const changed = () => {
      // That a first path is looked for is no news, and telling it costs as much as any event.
      if (isFirst && isLooking(connection)) return
      isFirst = false
      this.#report((machine) =>
        machine.transportChanged(
          id,
          ICE_STATES.indexOf(connection.iceConnectionState),
          CONNECTION_STATES.indexOf(connection.connectionState),
        ),
      )
    }
    connection.oniceconnectionstatechange = changed
    connection.onconnectionstatechange = changed
    connection.ontrack = ({ track, streams }) => {
      for (const stream of streams) {
        this.#remote.arrived(this, stream, track)
        this.#arrived.add(stream.id)
      }
    }
  }

  /** Reports how an operation ended. */
  #run(ticket: number, operation: Promise<void>, done: (machine: Machine) => void): void {
    operation.then(
      () => this.#report(done),
      (error: unknown) => this.#report((machine) => machine.operationFailed(this.#id, ticket, String(error))),
    )
  }

  /** No input may name a connection that the core has closed. */
  #report(input: (machine: Machine) => void): void {
    if (!this.#closed) this.#feed(input)
  }
}

/** Whether it has found no path yet, nor given one up. */
function isLooking({ iceConnectionState, connectionState }: RTCPeerConnection): boolean {
  const [ice, connection] = [ICE_STATES.indexOf(iceConnectionState), CONNECTION_STATES.indexOf(connectionState)]
  return ice < ICE_STATES.indexOf('connected') && connection < CONNECTION_STATES.indexOf('connected')
}

/** In the order of the core's `IceState`. */
const ICE_STATES: readonly RTCIceConnectionState[] = [
  'new',
  'checking',
  'connected',
  'completed',
  'disconnected',
  'failed',
  'closed',
]

/** In the order of the core's `ConnectionState`. */
const CONNECTION_STATES: readonly RTCPeerConnectionState[] = [
  'new',
  'connecting',
  'connected',
  'disconnected',
  'failed',
  'closed',
]
