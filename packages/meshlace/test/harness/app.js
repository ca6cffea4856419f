// What an application does, in as few lines as show that an entry point works: its WebAssembly loads,
// a core runs, and the error that comes back is the package's own.
import * as inline from 'meshlace'
import * as separate from 'meshlace/wasm'

async function probe({ joinRoom, preload, MeshError }) {
  await preload()
  const error = await joinRoom('kitchen', { server: 'ws://localhost:9', timeout: 300 }).catch((reason) => reason)
  return { mesh: error instanceof MeshError, code: error.code }
}

globalThis.outcome = Promise.all([probe(inline), probe(separate)])
