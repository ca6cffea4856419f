// Stand-ins for what a browser gives, as far as the driver uses it. Nothing happens by itself: tests
// fire the events.
import { dropSpare } from '../../src/spare.js'

export class FakeChannel {
  binaryType = ''
  bufferedAmount = 0
  bufferedAmountLowThreshold = 0
  readonly sent: Uint8Array[] = []
  full = false
  onopen: (() => void) | null = null
  onclose: (() => void) | null = null
  onerror: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onbufferedamountlow: (() => void) | null = null

  constructor(
    readonly label: string,
    readonly init: RTCDataChannelInit,
  ) {}

  send(bytes: Uint8Array): void {
    if (this.full) throw new Error('send queue is full')
    this.sent.push(bytes.slice())
    this.bufferedAmount += bytes.length
  }
}

export class FakeSender {
  readonly replaced: unknown[] = []
  constructor(public track: unknown) {}
  async replaceTrack(track: unknown): Promise<void> {
    this.track = track
    this.replaced.push(track)
  }
}

export class FakeConnection {
  static readonly made: FakeConnection[] = []
  static refuses: (() => Error | undefined) | undefined

  readonly channels: FakeChannel[] = []
  readonly candidates: unknown[] = []
  readonly senders: FakeSender[] = []
  readonly log: string[] = []
  closed = false
  localDescription: { type: string; sdp: string } | null = null
  iceConnectionState = 'new'
  connectionState = 'new'
  /** How the next descriptions end; the first is used up. */
  readonly failures: Error[] = []
  onicecandidate: ((event: { candidate: unknown }) => void) | null = null
  onicecandidateerror: ((event: unknown) => void) | null = null
  onnegotiationneeded: (() => void) | null = null
  oniceconnectionstatechange: (() => void) | null = null
  onconnectionstatechange: (() => void) | null = null
  ontrack: ((event: { track: unknown; streams: unknown[] }) => void) | null = null

  constructor(public configuration: RTCConfiguration) {
    const refusal = FakeConnection.refuses?.()
    if (refusal !== undefined) throw refusal
    FakeConnection.made.push(this)
  }

  createDataChannel(label: string, init: RTCDataChannelInit): FakeChannel {
    const channel = new FakeChannel(label, init)
    this.channels.push(channel)
    return channel
  }

  async setLocalDescription(): Promise<void> {
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
    this.localDescription = { type: 'offer', sdp: 'v=0 local' }
  }

  async setRemoteDescription(description: { sdp: string }): Promise<void> {
    this.log.push(`remote ${description.sdp}`)
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
  }

  async addIceCandidate(candidate: unknown): Promise<void> {
    this.candidates.push(candidate)
    throw new Error('no remote description')
  }

  setConfiguration(configuration: RTCConfiguration): void {
    const refusal = FakeConnection.refuses?.()
    if (refusal !== undefined) throw refusal
    this.configuration = configuration
    this.log.push('configure')
  }

  restartIce(): void {
    this.log.push('restart')
  }

  addTrack(track: unknown): FakeSender {
    const sender = new FakeSender(track)
    this.senders.push(sender)
    return sender
  }

  removeTrack(sender: FakeSender): void {
    sender.track = null
  }

  async getStats(): Promise<Map<string, unknown>> {
    return new Map<string, unknown>([
      ['T', { id: 'T', type: 'transport', selectedCandidatePairId: 'P', bytesSent: 10, bytesReceived: 20 }],
      ['P', { id: 'P', type: 'candidate-pair', localCandidateId: 'L', remoteCandidateId: 'R', currentRoundTripTime: 0.0123 }],
      ['L', { id: 'L', type: 'local-candidate', candidateType: 'host', protocol: 'udp' }],
      ['R', { id: 'R', type: 'remote-candidate', candidateType: 'srflx' }],
    ])
  }

  close(): void {
    this.closed = true
  }
}

export class FakeSocket {
  static readonly made: FakeSocket[] = []
  binaryType = ''
  readyState = 0
  readonly sent: Uint8Array[] = []
  closed = false
  onopen: (() => void) | null = null
  onclose: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null

  constructor(readonly url: string) {
    if (url.startsWith('bad')) throw new SyntaxError('no such address')
    FakeSocket.made.push(this)
  }

  send(bytes: Uint8Array): void {
    this.sent.push(bytes.slice())
  }

  close(): void {
    this.closed = true
  }
}

export class FakeStream extends EventTarget {
  readonly #tracks = new Set<unknown>()
  constructor(readonly id = 'stream') {
    super()
  }
  addTrack(track: unknown): void {
    this.#tracks.add(track)
  }
  removeTrack(track: unknown): void {
    this.#tracks.delete(track)
  }
  getTracks(): unknown[] {
    return [...this.#tracks]
  }
}

/** Puts the fakes where the driver looks for the real ones. */
export function install(): void {
  dropSpare()
  FakeConnection.made.length = 0
  FakeConnection.refuses = undefined
  FakeSocket.made.length = 0
  Object.assign(globalThis, {
    RTCPeerConnection: FakeConnection,
    WebSocket: FakeSocket,
    MediaStream: FakeStream,
  })
}

/**
 * Lets everything that is under way happen. Counted in turns of the event loop: a time would be over before
 * they were on a machine that is busy.
 */
export async function turn(): Promise<void> {
  for (let at = 0; at < TURN_COUNT; at++) await new Promise((resolve) => setImmediate(resolve))
  // After every other timer that was set to fire at once.
  await new Promise((resolve) => setTimeout(resolve))
}

/** The longest of what tests wait for, a room that reads its storage, takes less than half of them. */
const TURN_COUNT = 64
