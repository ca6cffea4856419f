// Who takes part, and how a page of each is bundled.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { startMeshlace, startPeerServer, startTrivial } from './servers.js'

/**
 * @typedef {object} Contestant
 * @property {string} name
 * @property {string} module file in subjects/, without `.js`
 * @property {() => Promise<import('./servers.js').Server>} startServer
 * @property {string[]} [needs] built files without which it cannot take part
 */

/** The name every ratio is about. */
export const OURS = 'Meshlace'

/** @type {Contestant[]} */
export const CONTESTANTS = [
  { name: 'bare', module: 'bare', startServer: startTrivial },
  { name: 'simple-peer', module: 'simple-peer', startServer: startTrivial },
  { name: 'PeerJS', module: 'peerjs', startServer: startPeerServer },
  { name: OURS, module: 'meshlace', startServer: startMeshlace },
]

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/** The built npm package; the benchmark measures what a user would get. */
export const PACKAGE_ENTRY = here('../../packages/meshlace/dist/index.js')

/**
 * Bundles and minifies one module for the page.
 *
 * @param {string} contents source that may import from `src/`
 */
export async function bundle(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: here('.'), sourcefile: 'entry.js' },
    alias: { meshlace: PACKAGE_ENTRY },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'chrome120',
    define: { global: 'globalThis', 'process.env.NODE_ENV': '"production"' },
    logLevel: 'silent',
  })
  return outputFiles[0].text
}

/** The page script of a contestant: the harness, handed its subject. */
export function bundlePage({ name, module }) {
  if (name === OURS && !existsSync(PACKAGE_ENTRY)) {
    throw new Error('packages/meshlace/dist is not built; `cargo xtask build` makes it')
  }
  return bundle(`
    import { install } from './page/harness.js'
    import * as subject from './subjects/${module}.js'
    install(subject)
  `)
}

/** Who takes part in the state measures, by file in state/. */
export const STATE_SUBJECTS = ['yjs', 'automerge', 'meshlace']

/** The page script of one of them. */
export function bundleStatePage(name) {
  return bundle(`
    import { install } from './page/state-harness.js'
    import * as subject from './state/${name}.js'
    install(subject)
  `)
}
