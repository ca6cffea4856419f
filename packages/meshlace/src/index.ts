/**
 * Browsers joined in a WebRTC mesh of verified links.
 *
 * This entry point carries its WebAssembly inside the script: it works in every bundler and in pages
 * of one file. `meshlace/wasm` is the same with the WebAssembly in a file of its own.
 *
 * @module meshlace
 */
import { loader } from './core.js'
import { create, join } from './join.js'
import { rehearseOnce } from './rehearsal.js'
import { makeSpare } from './spare.js'
import { unite } from './streams.js'
import type { CreateOptions, JoinOptions, Room, RoomShape } from './types.js'

export * from './public.js'

/** In streams, deflated and in base64, put here by the build: under gzip a fifth less than the file itself. */
declare const MESHLACE_WASM: string

const load = /* @__PURE__ */ loader(async () => {
  const letters = atob(MESHLACE_WASM)
  const packed = new Uint8Array(letters.length)
  // By a loop and without a Blob: 16 ms less than by an iterator and one, in a page that just started.
  for (let at = 0; at < packed.length; at++) packed[at] = letters.charCodeAt(at)
  const parts = new Response(packed).body!.pipeThrough(new DecompressionStream('deflate-raw'))
  return WebAssembly.compile(unite(await new Response(parts).arrayBuffer()))
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
