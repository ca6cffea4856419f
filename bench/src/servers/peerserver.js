// PeerServer with its defaults, save two: it listens on a port the system chooses, and admits more
// than 5,000 clients, because the benchmark brings 10,000.
import { PeerServer } from 'peer'

const options = { host: '127.0.0.1', port: 0, path: '/', concurrent_limit: 20_000 }
PeerServer(options, (server) => console.log(`listening on ${server.address().port}`))
