/** The compiled core, loaded once for a page however many rooms it opens. */
import { newMachine, prepare, type IceServerValues } from './crossing.js'
import { MeshError } from './errors.js'
import type { Core } from './join.js'

/** Makes a loader out of what compiles the module. A failed load is tried again by the next call. */
export function loader(compile: () => Promise<WebAssembly.Module>): () => Promise<Core> {
  let loading: Promise<Core> | undefined
  return () =>
    (loading ??= compile().then(
      (module) => {
        prepare(module)
        return newCore()
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

function newCore(): Core {
  const tools = newMachine()
  return {
    machine({ address, server, identity, seed, iceServers, relayOnly, timeoutMs, wall }) {
      const machine = newMachine()
      machine.at(0, wall)
      const servers = iceServers?.map((it): IceServerValues => [it.urls, it.username, it.credential])
      machine.open(address, server, identity, servers, relayOnly, timeoutMs, seed)
      return machine
    },
    createRoom({ owned, name, profile, nonce, secret, page, server }) {
      const [address, genesis] = tools.createRoom(owned, name, profile, nonce, secret, page, server)
      return { address, genesis }
    },
    stateHash: (bytes) => tools.stateHash(bytes),
  }
}
