// Meshlace through its public API, with `meshlace serve`. A first message is sent as soon as the API
// takes it: the promise of delivery covers links that are not open yet.
import { joinRoom, preload } from 'meshlace'

export const name = 'Meshlace'

/** Compiling the WebAssembly belongs to loading the module. */
export const load = preload

/** @type {import('./subject.js').Join} */
export async function join({ server, room: name, storage }, events) {
  const options = { server: server.replace('http', 'ws'), iceServers: [], storage }
  const room = await joinRoom(name, options)
  const undelivered = new Set()

  function deliver(promise) {
    undelivered.add(promise)
    // A rejection stays in the set and is reported by `settled`.
    promise.then(() => undelivered.delete(promise), () => {})
  }

  const open = new Set()
  function opened(peer) {
    // Those who were there can be sent to at once, and are announced again when their link is open.
    if (open.has(peer)) return
    open.add(peer)
    events.open(peer)
  }

  room.on('message', (data, peer) => events.message(peer, data))
  room.on('peerjoin', opened)
  for (const peer of room.peers.values()) opened(peer)

  return {
    send: (peer, text) => deliver(peer.send(text)),
    ready: (peer) => peer.drained(),
    async sendBytes(peer, bytes) {
      deliver(peer.send(bytes))
      await peer.drained()
    },
    async settled() {
      await Promise.all(undelivered)
    },
    leave: () => room.leave(),
  }
}
