// A signalling server that is up to no good: it stands between pages and the real server and may read, drop, double,
// alter or invent messages in either direction.
import { WebSocket, WebSocketServer } from 'ws'

export class Proxy {
  #server
  #upstream
  #sockets = new Set()
  #links = new Map()
  port = 0
  /** Everything that passed: `{ from: 'page' | 'server', connection, bytes }`. */
  seen = []

  /**
   * `toServer` and `toPage` get `(bytes, link)` and return what to pass on: bytes, a list of them, or undefined to
   * swallow. `link` has `connection` (1, 2, ... in the order pages connected), `toPage(bytes)`, `toServer(bytes)` and
   * `tear()`, which drops both sockets without a word.
   */
  constructor(upstream, { toServer = (bytes) => bytes, toPage = (bytes) => bytes } = {}) {
    this.#upstream = upstream
    this.toServer = toServer
    this.toPage = toPage
  }

  get url() {
    return `ws://127.0.0.1:${this.port}`
  }

  async start() {
    this.#server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    await new Promise((resolve) => this.#server.once('listening', resolve))
    this.port = this.#server.address().port
    let count = 0
    this.#server.on('connection', (page, request) => this.#join(page, request, (count += 1)))
    return this
  }

  #join(page, request, connection) {
    // The page signs its proof over the host it dialled, and so the real server must be shown that host.
    const server = new WebSocket(this.#upstream.url + request.url, { headers: { host: request.headers.host } })
    const link = {
      connection,
      toPage: (bytes) => page.readyState === WebSocket.OPEN && page.send(bytes),
      toServer: (bytes) => server.readyState === WebSocket.OPEN && server.send(bytes),
      tear: () => {
        page.terminate()
        server.terminate()
      },
    }
    this.#links.set(connection, link)
    const early = []
    const pass = (from, change, out) => (bytes, binary) => {
      this.seen.push({ from, connection, bytes })
      const changed = change(bytes, link)
      for (const one of changed === undefined ? [] : Array.isArray(changed) ? changed : [changed]) out(one, binary)
    }
    page.on('message', pass('page', (...given) => this.toServer(...given), (bytes, binary) => {
      if (server.readyState === WebSocket.CONNECTING) early.push([bytes, { binary }])
      else server.send(bytes, { binary })
    }))
    server.on('open', () => early.forEach(([bytes, options]) => server.send(bytes, options)))
    server.on('message', pass('server', (...given) => this.toPage(...given), (bytes, binary) => page.send(bytes, { binary })))
    for (const [one, other] of [[page, server], [server, page]]) {
      this.#sockets.add(one)
      one.on('error', () => other.terminate())
      one.on('close', (code, reason) => {
        this.#sockets.delete(one)
        // 1005 and 1006 say that there was no code; they may not be sent.
        if (code === 1005 || code === 1006) other.terminate()
        else other.close(code, reason)
      })
    }
  }

  /** Sends `{ connection, bytes }` of earlier once more to the pages they went to. */
  replay(kept) {
    for (const { connection, bytes } of kept) this.#links.get(connection).toPage(bytes)
  }

  close() {
    for (const socket of this.#sockets) socket.terminate()
    this.#server?.close()
  }
}

/** Kinds of the server's messages that the liars here care about, as in `docs/protocol.md`. */
export const CHALLENGE = 0
export const JOINED = 6
export const ENVELOPE = 10

/** Reads a server's event, `[kind, number, ...]`; undefined for everything that is no event. */
export function readEvent(bytes) {
  const kind = bytes[1]
  if (bytes[0] >> 5 !== 4 || kind < JOINED || kind > 11) return undefined
  const [number, size] = readNumber(bytes, 2)
  return { kind, number, rest: bytes.subarray(2 + size), head: bytes[0] }
}

/** The same event under another number. */
export function writeEvent({ head, kind, rest }, number) {
  return Buffer.concat([Buffer.from([head, kind]), writeNumber(number), rest])
}

function readNumber(bytes, at) {
  const first = bytes[at]
  if (first < 24) return [first, 1]
  if (first === 24) return [bytes[at + 1], 2]
  if (first === 25) return [bytes.readUInt16BE(at + 1), 3]
  throw new Error('more events than a test has')
}

const writeNumber = (number) =>
  Buffer.from(number < 24 ? [number] : number < 256 ? [24, number] : [25, number >> 8, number & 255])

/** A server that answers every connection by `speak(socket, request)` and nothing else. */
export class FakeServer {
  #server
  #speak
  port = 0

  constructor(speak) {
    this.#speak = speak
  }

  get url() {
    return `ws://127.0.0.1:${this.port}`
  }

  async start() {
    this.#server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    await new Promise((resolve) => this.#server.once('listening', resolve))
    this.port = this.#server.address().port
    this.#server.on('connection', (socket, request) => this.#speak(socket, request))
    return this
  }

  close() {
    for (const socket of this.#server.clients) socket.terminate()
    this.#server.close()
  }
}
