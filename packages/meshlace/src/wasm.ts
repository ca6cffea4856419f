/**
 * Browsers joined in a WebRTC mesh of verified links.
 *
 * This entry point loads its WebAssembly from a file beside it, found through `import.meta.url`; the
 * bundler must know that form (Vite and webpack do).
 *
 * @module meshlace/wasm
 */
import { loader } from './core.js'
import { create, join } from './join.js'
import { rehearseOnce } from './rehearsal.js'
import { makeSpare } from './spare.js'
import type { CreateOptions, JoinOptions, Room, RoomShape } from './types.js'

export * from './public.js'

const load = /* @__PURE__ */ loader(async () => {
  const response = await fetch(new URL('./meshlace.wasm', import.meta.url))
  if (!response.ok) throw new Error(`${response.url} answers ${response.status}`)
  // A server that does not name the type right is common, and no reason to fail.
  return response.headers.get('content-type')?.startsWith('application/wasm') === true
    ? WebAssembly.compileStreaming(response)
    : WebAssembly.compile(await response.arrayBuffer())
})

/**
 * Makes a new room at a server and joins it. The room's `address` is the invite: whoever has it can
 * enter.
 *
 * @throws {@link MeshError} as `joinRoom` does.
 */
export function createRoom<T extends RoomShape = {}>(options: CreateOptions = {}): Promise<Room<T>> {
  return create<T>(load, options)
}

/**
 * Joins the room at `address`: a URL with a fragment, the fragment alone, or a public room's bare
 * name. Resolves when the server has let us in and said who is there; links open after that, and
 * what is sent before waits for them. A room that is stored resolves after a second without the server,
 * with the status `offline`.
 *
 * @throws {@link MeshError} `InvalidAddress`, `InvalidArgument`, `NoWebRtc`, `ServerUnreachable`,
 * `VersionMismatch`, `ServerProtocol`, `ServerRefused`, `RoomFull` or `RateLimited`; or the reason of
 * `signal`.
 */
export function joinRoom<T extends RoomShape = {}>(address: string, options: JoinOptions = {}): Promise<Room<T>> {
  return join<T>(load, address, options)
}

/**
 * Loads the WebAssembly, runs through a join of two peers that exist nowhere, some 20 ms of work, and has the browser
 * make a connection ahead, so that the first room opens sooner. Not needed otherwise.
 */
export async function preload(): Promise<void> {
  makeSpare()
  rehearseOnce(await load())
}
