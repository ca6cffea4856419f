/**
 * A connection made ahead. The first `RTCPeerConnection` of a page starts the browser's threads for it and a key is
 * made for each: some milliseconds that need not fall between a greeting and its answer. One at most waits in a page;
 * until it is described it sends nothing and looks for no path.
 */
import { BULK_BUFFER_BYTES_LOW, CONTROL_BUFFER_BYTES_LOW, LOSSY_BUFFER_BYTES_LOW } from '../generated/limits.js'
import { afterCollecting } from './collecting.js'

/** An `RTCPeerConnection` with its first channel, to which nothing has happened. */
export interface Blank {
  readonly connection: RTCPeerConnection
  readonly control: RTCDataChannel
  /** Its `negotiationneeded` was fired. */
  isNeeding: boolean
}

let spare: Blank | undefined

/** Makes the spare one where there is none and the browser has any. What it refuses now it says when asked in earnest. */
export function makeSpare(): void {
  if (spare !== undefined || typeof RTCPeerConnection === 'undefined') return
  try {
    spare = make(configuration([], false))
    // An open connection keeps a page that is left out of the cache of pages to go back to.
    globalThis.addEventListener?.('pagehide', dropSpare)
  } catch {
    // Without one, the first connection is made when it is needed.
  }
}

/**
 * The spare one, or one made now.
 *
 * @throws what the browser throws where it can make no more connections, or refuses a server.
 */
export function takeBlank(servers: RTCIceServer[], relayOnly: boolean): Blank {
  const wanted = configuration(servers, relayOnly)
  const blank = spare
  spare = undefined
  if (blank !== undefined) {
    if (servers.length === 0 && !relayOnly) return blank
    try {
      blank.connection.setConfiguration(wanted)
      return blank
    } catch {
      blank.connection.close()
    }
  }
  return afterCollecting(() => make(wanted))
}

/** What a connection is made from. */
export function configuration(servers: RTCIceServer[], relayOnly: boolean): RTCConfiguration {
  return { iceServers: servers, iceTransportPolicy: relayOnly ? 'relay' : 'all', bundlePolicy: 'max-bundle' }
}

/** Closes the spare one. */
export function dropSpare(): void {
  spare?.connection.close()
  spare = undefined
}

function make(wanted: RTCConfiguration): Blank {
  const connection = new RTCPeerConnection(wanted)
  const blank: Blank = { connection, control: makeChannel(connection, 0), isNeeding: false }
  connection.onnegotiationneeded = () => (blank.isNeeding = true)
  return blank
}

/**
 * The channel with this stream id, negotiated: nothing is said of it to the other side.
 *
 * @throws what the browser throws where the connection is closed.
 */
export function makeChannel(connection: RTCPeerConnection, id: number): RTCDataChannel {
  const { name, lowBytes, options } = CHANNELS[id]!
  const channel = connection.createDataChannel(name, { negotiated: true, id, ...options })
  channel.binaryType = 'arraybuffer'
  channel.bufferedAmountLowThreshold = lowBytes
  return channel
}

interface ChannelInit {
  readonly name: string
  readonly lowBytes: number
  readonly options: RTCDataChannelInit
}

/** By stream id. */
const CHANNELS: readonly ChannelInit[] = [
  { name: 'control', lowBytes: CONTROL_BUFFER_BYTES_LOW, options: { ordered: true } },
  { name: 'bulk', lowBytes: BULK_BUFFER_BYTES_LOW, options: { ordered: true } },
  { name: 'lossy', lowBytes: LOSSY_BUFFER_BYTES_LOW, options: { ordered: false, maxRetransmits: 0 } },
]
