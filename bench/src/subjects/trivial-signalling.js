// The least signalling that two pages need: the server says who is in the room and passes messages
// on. The bare subject and simple-peer share it, so that neither pays for a cleverer server.

/**
 * Opens the signalling socket.
 *
 * @param {{ server: string, room: string, id: string }} where
 * @param {(from: string, data: unknown) => void} onSignal
 * @returns {Promise<{ present: string[], send(to: string, data: unknown): void, close(): void }>}
 *   `present`: who was in the room before us; a newcomer calls them, so nobody calls twice.
 */
export function openSignalling({ server, room, id }, onSignal) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${server}/?room=${encodeURIComponent(room)}&id=${id}`)
    socket.onerror = () => reject(new Error('signalling socket failed'))
    socket.onmessage = ({ data }) => {
      const { present, from, signal } = JSON.parse(data)
      if (from !== undefined) return onSignal(from, signal)
      resolve({
        present,
        send: (to, signal) => socket.send(JSON.stringify({ to, signal })),
        close: () => socket.close(),
      })
    }
  })
}
