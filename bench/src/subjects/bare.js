// What a careful person writes by hand: one RTCPeerConnection per pair, one negotiated reliable
// channel, trickled candidates, trivial signalling. No identity, no acknowledgement, no recovery.
// It is the floor that every library is compared with.
import { openSignalling } from './trivial-signalling.js'

export const name = 'bare'

/**
 * How much may be buffered before sending pauses, and where it goes on, by size of message. Units:
 * bytes. Measured with 12 pairs of marks for each size: a short line is two to three times as fast
 * as one of 1 MiB, which overruns the receiver's socket and shrinks the congestion window.
 */
const BUFFERED = new Map([
  [16 * 1024, { high: 64 * 1024, low: 16 * 1024 }],
  [64 * 1024, { high: 128 * 1024, low: 64 * 1024 }],
  [256 * 1024, { high: 256 * 1024, low: 128 * 1024 }],
])

/** The same for small messages, which want a longer line: pausing costs more than it saves. */
const BUFFERED_SMALL = { high: 1024 * 1024, low: 256 * 1024 }

/** @type {import('./subject.js').Join} */
export async function join({ server, room, id, frameBytes = 64 * 1024 }, events) {
  const peers = new Map()
  const pending = []
  let signalling

  function connect(other) {
    const connection = new RTCPeerConnection({ iceServers: [] })
    const channel = connection.createDataChannel('data', { negotiated: true, id: 0 })
    channel.binaryType = 'arraybuffer'
    const peer = { id: other, connection, channel, early: [], described: false }
    peers.set(other, peer)
    connection.onicecandidate = ({ candidate }) => {
      if (candidate) signalling.send(other, { candidate })
    }
    channel.onopen = () => events.open(peer)
    channel.onmessage = ({ data }) => events.message(peer, data)
    return peer
  }

  async function describe(peer, description) {
    await peer.connection.setRemoteDescription(description)
    peer.described = true
    for (const candidate of peer.early) peer.connection.addIceCandidate(candidate)
  }

  async function receive(from, { description, candidate }) {
    // The room's list and an offer may arrive in one turn, before `signalling` is assigned.
    if (!signalling) return void pending.push([from, { description, candidate }])
    const peer = peers.get(from) ?? connect(from)
    if (candidate) {
      if (peer.described) peer.connection.addIceCandidate(candidate)
      else peer.early.push(candidate)
      return
    }
    await describe(peer, description)
    if (description.type !== 'offer') return
    await peer.connection.setLocalDescription()
    signalling.send(from, { description: peer.connection.localDescription })
  }

  signalling = await openSignalling({ server, room, id }, receive)
  for (const [from, signal] of pending) receive(from, signal)
  for (const other of signalling.present) {
    const peer = connect(other)
    peer.connection.setLocalDescription().then(() => {
      signalling.send(other, { description: peer.connection.localDescription })
    })
  }

  function ready({ channel }, { high, low } = BUFFERED_SMALL) {
    if (channel.bufferedAmount < high) return undefined
    channel.bufferedAmountLowThreshold = low
    return new Promise((resolve) => {
      channel.addEventListener('bufferedamountlow', resolve, { once: true })
    })
  }

  return {
    send: ({ channel }, text) => channel.send(text),
    ready: (peer) => ready(peer),
    async sendBytes(peer, bytes) {
      const marks = BUFFERED.get(frameBytes)
      for (let offset = 0; offset < bytes.length; offset += frameBytes) {
        const wait = ready(peer, marks)
        if (wait) await wait
        peer.channel.send(bytes.subarray(offset, offset + frameBytes))
      }
    },
    settled: async () => {},
    leave() {
      for (const { connection } of peers.values()) connection.close()
      signalling.close()
    },
  }
}
