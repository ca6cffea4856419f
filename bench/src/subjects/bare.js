// What a careful person writes by hand: one RTCPeerConnection per pair, one negotiated reliable
// channel, trickled candidates, trivial signalling. No identity, no acknowledgement, no recovery.
// It is the floor that every library is compared with.
import { openSignalling } from './trivial-signalling.js'

export const name = 'bare'

/** Back-pressure marks in bytes: the best of 0.25, 1 and 4 MiB high on the machine of the first run. */
const BUFFERED_HIGH = 1024 * 1024
const BUFFERED_LOW = 256 * 1024

/** @type {import('./subject.js').Join} */
export async function join({ server, room, id, frameBytes = 64 * 1024 }, events) {
  const peers = new Map()
  const pending = []
  let signalling

  function connect(other) {
    const connection = new RTCPeerConnection({ iceServers: [] })
    const channel = connection.createDataChannel('data', { negotiated: true, id: 0 })
    channel.binaryType = 'arraybuffer'
    channel.bufferedAmountLowThreshold = BUFFERED_LOW
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

  function ready({ channel }) {
    if (channel.bufferedAmount < BUFFERED_HIGH) return undefined
    return new Promise((resolve) => {
      channel.addEventListener('bufferedamountlow', resolve, { once: true })
    })
  }

  return {
    send: ({ channel }, text) => channel.send(text),
    ready,
    async sendBytes(peer, bytes) {
      for (let offset = 0; offset < bytes.length; offset += frameBytes) {
        const wait = ready(peer)
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
