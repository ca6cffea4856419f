/**
 * The driver: carries out what the core asks with WebSocket, RTCPeerConnection, timers and the
 * events of the page, and tells the core what happened. It decides nothing.
 *
 * Inputs are fed as they come. What the browser tells is drained at once, what the application asks once
 * at the end of the turn. While the core is drained it must not be called, so what fails in the middle is
 * fed after it.
 */
import { Clock } from './clock.js'
import { Connection } from './connection.js'
import { MeshError } from './errors.js'
import { watchPage } from './lifecycle.js'
import type { Effects, Machine, Notices } from './machine.js'
import { RemoteStreams, type LocalStream } from './media.js'
import { Turn } from './turn.js'

/** What a driver needs of the room that it works for. */
export interface Application extends Notices {
  /** Runs the listeners for what the last drain told, after the core is free again. */
  settle(): void
  /** The core itself failed: a bug, after which nothing of it can be used. */
  broken(cause: unknown): void
}

/** What is to be stored. */
export type RecordEffects = Pick<Effects, 'storeRecord' | 'deleteRecord' | 'commitRecords'>

/** One core and the world around it. */
export class Driver implements Effects {
  readonly remote = new RemoteStreams()
  /** Where records go; set before the ledger is opened. */
  records: RecordEffects | undefined
  readonly #machine: Machine
  readonly #application: Application
  readonly #clock = new Clock()
  readonly #turn = new Turn<(machine: Machine) => void>((input) => this.#drain(input))
  readonly #sockets = new Map<number, WebSocket>()
  /** Strong references: a connection that nothing refers to may be collected while it is open. */
  readonly #connections = new Map<number, Connection>()
  /** Why the browser did not make a connection that the core asked for. */
  readonly #refused = new Map<number, string>()
  readonly #streams = new Map<number, LocalStream>()
  /** Channels that were handed frames since their fill was last told. */
  readonly #filled = new Map<Connection, [id: number, channels: number]>()
  /** What happened while the core was busy. */
  readonly #later: ((machine: Machine) => void)[] = []
  #busy = false
  /** The core is about to be told that the application has answered. */
  #ending = false
  /** When the core wants its tick, as the last drain said; negative while it waits for nothing. */
  #tickAt = -1
  #closed = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #timerAt = Infinity
  #unwatch: () => void

  constructor(machine: Machine, application: Application) {
    this.#machine = machine
    this.#application = application
    this.#unwatch = watchPage((kind, wakes) => {
      // At once: after `pagehide` and `freeze` no turn may come any more.
      this.#event((machine) => {
        if (wakes) machine.entropy(crypto.getRandomValues(new Uint8Array(32)))
        machine.lifecycle(kind)
      })
    })
  }

  /** Tells the core what happened; its effects follow at the end of the turn, or at once. */
  readonly input = (input: (machine: Machine) => void, alone = false): void => {
    if (this.#closed) return
    if (this.#busy) {
      this.#later.push(input)
      return
    }
    if (alone) this.#turn.begin(input)
    else {
      this.#guard(() => this.#feed(input))
      this.#turn.soon()
    }
  }

  /**
   * The same for what the browser tells, and for timers. It comes in a turn of its own: to wait for the end of
   * that would cost as much as the event itself.
   */
  readonly #event = (input: (machine: Machine) => void): void => this.input(input, true)

  /** Reads from the core, which is free whenever an application runs. */
  ask<V>(read: (machine: Machine) => V): V {
    return read(this.#machine)
  }

  /** Says which tracks a stream key stands for. */
  setStream(stream: LocalStream): void {
    this.#streams.set(stream.key, stream)
  }

  /** Puts `next` in the place of `old` on every connection. */
  async replaceTrack(old: MediaStreamTrack, next: MediaStreamTrack): Promise<void> {
    await Promise.all([...this.#connections.values()].map((connection) => connection.replaceTrack(old, next)))
  }

  /** Ends everything. The core must not be used after. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#unwatch()
    clearTimeout(this.#timer)
    this.#turn.close()
    for (const id of [...this.#sockets.keys()]) this.closeSocket(id)
    for (const id of [...this.#connections.keys()]) this.closeConnection(id)
    this.#streams.clear()
  }

  // ---- effects

  openSocket(socket: number, url: string): void {
    const closed = () => {
      if (this.#sockets.delete(socket)) this.#event((machine) => machine.socketClosed(socket))
    }
    let web: WebSocket
    try {
      web = new WebSocket(url)
    } catch {
      // An address that the browser refuses outright is one that cannot be reached.
      this.input((machine) => machine.socketClosed(socket))
      return
    }
    web.binaryType = 'arraybuffer'
    web.onopen = () => this.#event((machine) => machine.socketOpened(socket))
    web.onmessage = ({ data }: MessageEvent<unknown>) => {
      const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : new TextEncoder().encode(String(data))
      this.#event((machine) => machine.socketReceived(socket, bytes))
    }
    web.onclose = closed
    this.#sockets.set(socket, web)
  }

  sendSocket(socket: number, bytes: Uint8Array): void {
    const web = this.#sockets.get(socket)
    // One that is closing has its `close` event under way.
    if (web?.readyState === 1) web.send(bytes as Uint8Array<ArrayBuffer>)
  }

  closeSocket(socket: number): void {
    const web = this.#sockets.get(socket)
    this.#sockets.delete(socket)
    if (web === undefined) return
    web.onopen = web.onmessage = web.onclose = null
    web.close()
  }

  createConnection(id: number, peer: string, servers: RTCIceServer[], relayOnly: boolean): void {
    try {
      this.#connections.set(id, new Connection(id, peer, servers, relayOnly, this.#event, this.remote))
    } catch (cause) {
      // The core learns of it by the first operation it asks of this connection.
      this.#refused.set(id, String(cause))
    }
  }

  describe(connection: number, ticket: number): void {
    this.#on(connection, ticket, (it) => it.describe(ticket))
  }

  apply(connection: number, ticket: number, offer: boolean, sdp: string): void {
    this.#on(connection, ticket, (it) => it.apply(ticket, offer, sdp))
  }

  addCandidate(
    connection: number,
    candidate: string,
    mid: string | undefined,
    lineIndex: number | undefined,
    usernameFragment: string | undefined,
  ): void {
    this.#connections.get(connection)?.addCandidate({
      candidate,
      sdpMid: mid ?? null,
      sdpMLineIndex: lineIndex ?? null,
      usernameFragment: usernameFragment ?? null,
    })
  }

  openChannel(connection: number, channel: number): void {
    this.#connections.get(connection)?.openChannel(channel)
  }

  restartIce(connection: number, servers: RTCIceServer[], relayOnly: boolean): void {
    this.#connections.get(connection)?.restartIce(servers, relayOnly)
  }

  sendFrame(id: number, channel: number, bytes: Uint8Array): void {
    const connection = this.#connections.get(id)
    if (connection?.send(channel, bytes) !== true) return
    const filled = this.#filled.get(connection)
    if (filled === undefined) this.#filled.set(connection, [id, 1 << channel])
    else filled[1] |= 1 << channel
  }

  attachStream(id: number, key: number): void {
    const connection = this.#connections.get(id)
    const stream = this.#streams.get(key)
    if (connection === undefined || stream === undefined) return
    const refused = connection.attach(stream)
    if (refused === undefined) return
    const message = `the browser does not send a track: ${String(refused)}`
    this.#application.trouble(new MeshError('WebRtcFailed', { message, peer: connection.peer, cause: refused }))
  }

  detachStream(id: number, key: number): void {
    const stream = this.#streams.get(key)
    if (stream !== undefined) this.#connections.get(id)?.detach(stream)
  }

  readStats(connection: number, ticket: number): void {
    this.#on(connection, ticket, (it) => it.stats(ticket))
  }

  closeConnection(id: number): void {
    this.#refused.delete(id)
    const connection = this.#connections.get(id)
    if (connection === undefined) return
    this.#connections.delete(id)
    this.#filled.delete(connection)
    connection.close()
  }

  storeRecord(key: Uint8Array, bytes: Uint8Array, replace: boolean): void {
    this.records?.storeRecord(key, bytes, replace)
  }

  deleteRecord(key: Uint8Array): void {
    this.records?.deleteRecord(key)
  }

  commitRecords(ticket: number, hasOwn: boolean): void {
    this.records?.commitRecords(ticket, hasOwn)
  }

  // ---- the loop

  /** Runs through all that the inputs led to, this one and those that come meanwhile included. */
  #drain(input?: (machine: Machine) => void): void {
    if (this.#closed || this.#busy) return
    this.#busy = true
    if (input !== undefined) this.#later.push(input)
    this.#guard(() => {
      do {
        const inputs = this.#later.splice(0)
        const last = inputs.pop()
        for (const input of inputs) this.#feed(input)
        if (last !== undefined) this.#setTime()
        this.#tickAt = this.#machine.drain(this, this.#application, last)
        // Telling how full the channels are may let more be sent.
        this.#feedFilled()
      } while (this.#later.length > 0)
    })
    this.#busy = false
    this.#application.settle()
    if (this.#closed) return
    // What is due already waits for what the application answers.
    if (this.#ending || !this.#isPast()) this.#setTimer()
    else {
      this.#ending = true
      void this.#endTurn()
    }
  }

  /** Once what the application answered is on its way, tells the core, if it still waits for that. */
  async #endTurn(): Promise<void> {
    for (let step = 0; step < ANSWER_STEPS; step++) await null
    if (!this.#closed && this.#isPast()) this.#drain((machine) => machine.tick())
    this.#ending = false
  }

  /** Whether the core wants its tick by now. */
  #isPast(): boolean {
    return this.#tickAt >= 0 && this.#tickAt <= this.#clock.monotonic
  }

  /** The core throws only where it is broken, and then for good. */
  #guard(use: () => void): void {
    try {
      use()
    } catch (cause) {
      this.close()
      this.#application.broken(cause)
    }
  }

  #feed(input: (machine: Machine) => void): void {
    this.#setTime()
    input(this.#machine)
  }

  #setTime(): void {
    const { monotonic, wall } = this.#clock.read()
    this.#machine.at(monotonic, wall)
  }

  #feedFilled(): void {
    for (const [connection, [id, channels]] of this.#filled) {
      for (let channel = 0; channel < CHANNEL_COUNT; channel++) {
        if ((channels & (1 << channel)) === 0) continue
        const bytes = connection.bufferedBytes(channel)
        this.#later.push((machine) => machine.buffered(id, channel, bytes))
      }
    }
    this.#filled.clear()
  }

  /** One timer; where the next deadline is later than it, it fires for nothing and is set anew. */
  #setTimer(): void {
    const at = this.#tickAt
    if (at < 0 || at >= this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = at
    const delay = Math.min(Math.max(0, Math.ceil(at - this.#clock.monotonic)), TIMEOUT_MS_MAX)
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity
      this.#event((machine) => machine.tick())
    }, delay)
  }

  /** Runs an operation that the core awaits the end of. */
  #on(id: number, ticket: number, run: (connection: Connection) => void): void {
    const connection = this.#connections.get(id)
    const failed = (detail: string) => this.input((machine) => machine.operationFailed(id, ticket, detail))
    if (connection === undefined) {
      failed(this.#refused.get(id) ?? 'there is no such connection')
      return
    }
    try {
      run(connection)
    } catch (error) {
      failed(String(error))
    }
  }
}

/** Control, bulk and lossy. */
const CHANNEL_COUNT = 3
/** An answer may come from behind so many awaits, and still carry the acknowledgement of what it answers. */
const ANSWER_STEPS = 5
/** A longer one fires at once. */
const TIMEOUT_MS_MAX = 0x7fff_ffff
