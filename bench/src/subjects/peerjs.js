// PeerJS with its own PeerServer, in its default serialization ("binary"), which packs every value
// and cuts large ones itself. Ids are agreed beforehand (`<room>-<index>`) and each page calls those
// before it, so PeerJS is spared the discovery that the others do; PeerServer keeps a call to an id
// that is not there yet.
import { Peer } from 'peerjs'

export const name = 'PeerJS'

/** @type {import('./subject.js').Join} */
export async function join({ server, room, index }, events) {
  const { hostname, port } = new URL(server)
  const self = new Peer(`${room}-${index}`, {
    host: hostname,
    port: Number(port),
    path: '/',
    secure: false,
    config: { iceServers: [] },
  })

  function adopt(connection) {
    connection.on('open', () => events.open(connection))
    connection.on('data', (data) => events.message(connection, data))
    connection.on('error', (error) => console.error(`PeerJS: ${error.type} ${error.message}`))
  }

  self.on('connection', adopt)
  await new Promise((resolve, reject) => {
    self.once('open', resolve)
    self.once('error', reject)
  })
  for (let other = 0; other < index; other += 1) {
    adopt(self.connect(`${room}-${other}`, { reliable: true }))
  }

  return {
    send: (connection, text) => connection.send(text),
    // Above 8 MiB buffered PeerJS queues by itself; it offers no signal to wait for.
    ready: () => undefined,
    async sendBytes(connection, bytes) {
      connection.send(bytes)
    },
    settled: async () => {},
    leave: () => self.destroy(),
  }
}
