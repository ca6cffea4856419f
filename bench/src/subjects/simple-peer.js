// simple-peer with the same trivial signalling as the bare subject; the newcomer initiates.
// Small messages go through `send`, bulk through the stream's `write`, whose callback is the
// library's own back-pressure.
import SimplePeer from 'simple-peer/simplepeer.min.js'
import { openSignalling } from './trivial-signalling.js'

export const name = 'simple-peer'

/** @type {import('./subject.js').Join} */
export async function join({ server, room, id, frameBytes = 64 * 1024 }, events) {
  const peers = new Map()
  const pending = []
  let signalling

  function connect(other, initiator) {
    // Object mode keeps the boundaries of messages, and text as text.
    const peer = new SimplePeer({ initiator, objectMode: true, config: { iceServers: [] } })
    peers.set(other, peer)
    peer.on('signal', (signal) => signalling.send(other, signal))
    peer.on('connect', () => events.open(peer))
    peer.on('data', (data) => events.message(peer, data))
    peer.on('error', (error) => console.error(`simple-peer: ${error.message}`))
    return peer
  }

  function receive(from, signal) {
    if (!signalling) return void pending.push([from, signal])
    const peer = peers.get(from) ?? connect(from, false)
    peer.signal(signal)
  }

  signalling = await openSignalling({ server, room, id }, receive)
  for (const [from, signal] of pending) receive(from, signal)
  for (const other of signalling.present) connect(other, true)

  return {
    send: (peer, text) => peer.send(text),
    ready: () => undefined,
    async sendBytes(peer, bytes) {
      for (let offset = 0; offset < bytes.length; offset += frameBytes) {
        const piece = bytes.subarray(offset, offset + frameBytes)
        if (!peer.write(piece)) await new Promise((resolve) => peer.once('drain', resolve))
      }
    },
    settled: async () => {},
    leave() {
      for (const peer of peers.values()) peer.destroy()
      signalling.close()
    },
  }
}
