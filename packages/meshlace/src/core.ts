/** The compiled core, loaded once for a page however many rooms it opens. */
import { createRoom, initSync, Machine, stateHash } from '../generated/meshlace_wasm.js'
import { MeshError } from './errors.js'
import type { Core, Founded } from './join.js'
import { shapes } from './shapes.js'

/** Makes a loader out of what compiles the module. A failed load is tried again by the next call. */
export function loader(compile: () => Promise<WebAssembly.Module>): () => Promise<Core> {
  let loading: Promise<Core> | undefined
  return () =>
    (loading ??= compile().then(
      (module) => {
        initSync({ module })
        return core
      },
      (cause: unknown) => {
        loading = undefined
        const message =
          'the WebAssembly of meshlace cannot be loaded' +
          " (a Content-Security-Policy must allow script-src 'wasm-unsafe-eval'): " +
          String(cause)
        throw new MeshError('InternalFault', { message, cause })
      },
    ))
}

const core: Core = {
  machine: ({ address, server, identity, seed, iceServers, relayOnly, timeoutMs, wall }) =>
    new Machine(shapes, address, server, identity, seed, iceServers, relayOnly, timeoutMs, wall),
  createRoom: ({ owned, name, profile, nonce, secret, page, server }) =>
    createRoom(shapes, owned, name, profile, nonce, secret, page, server) as Founded,
  stateHash,
}
