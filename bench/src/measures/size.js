// What a page downloads: minified by the same bundler, then gzip. Meshlace's default entry point
// carries its WebAssembly inside the script, so one figure is all of it.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { bundle, OURS, PACKAGE_ENTRY } from '../contestants.js'

/** A browser node able to do what the others do: dial over WebRTC, found through a relay. */
const LIBP2P = `
  import { createLibp2p } from 'libp2p'
  import { webRTC } from '@libp2p/webrtc'
  import { webSockets } from '@libp2p/websockets'
  import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
  import { identify } from '@libp2p/identify'
  import { noise } from '@chainsafe/libp2p-noise'
  import { yamux } from '@chainsafe/libp2p-yamux'
  export const start = () => createLibp2p({
    transports: [webRTC(), webSockets(), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
  })
`

const SOURCES = {
  'simple-peer': `export { default } from 'simple-peer/simplepeer.min.js'`,
  PeerJS: `export { Peer } from 'peerjs'`,
  'js-libp2p': LIBP2P,
  [OURS]: `export { createRoom, joinRoom } from 'meshlace'`,
}

/** Those whose WebAssembly is a file beside the script, as a server would send it: both are counted. */
const WITH_FILE = {
  Automerge: {
    source: `export * from '@automerge/automerge/slim'`,
    file: '@automerge/automerge/dist/automerge.wasm',
  },
  Loro: {
    source: `export { default, LoroDoc } from 'loro-crdt/web'`,
    file: 'loro-crdt/web/loro_wasm_bg.wasm',
  },
}

const gzipKilobytes = (content) => gzipSync(content, { level: 9 }).length / 1000

async function run(_context, { contestant }) {
  if (contestant === OURS && !existsSync(PACKAGE_ENTRY)) {
    throw new Error('packages/meshlace/dist is not built; `cargo xtask build` makes it')
  }
  const { source, file } = WITH_FILE[contestant] ?? { source: SOURCES[contestant] }
  const script = gzipKilobytes(await bundle(source))
  if (file === undefined) return { size: script }
  const path = fileURLToPath(new URL(`../../node_modules/${file}`, import.meta.url))
  return { size: script + gzipKilobytes(readFileSync(path)) }
}

/** @type {import('./measure.js').Measure[]} */
export const SIZE = [
  {
    group: 'size',
    title: 'Size of the package',
    rows: [
      {
        id: 'size',
        label: 'package, minified + gzip',
        unit: 'KB',
        better: 'lower',
        goals: [{ atMost: 140 }],
      },
    ],
    entries: [...Object.keys(WITH_FILE), ...Object.keys(SOURCES)].map((contestant) => ({ contestant, serverless: true })),
    rounds: { full: 1, quick: 1 },
    budgetMs: 30_000,
    runMsMax: 20_000,
    run,
  },
]
