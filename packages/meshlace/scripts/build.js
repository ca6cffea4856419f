// Builds dist/ from src/ and generated/: both entry points, minified, with maps, types and the
// WebAssembly, which the first of them carries in streams of like bytes. `generated/` comes from `cargo xtask wasm`.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import zopfli from '@gfx/zopfli'
import { build } from 'esbuild'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))

const WASM = 'generated/meshlace_wasm_bg.wasm'
if (!existsSync(WASM)) {
  console.error(`${WASM} is not there: run 'cargo xtask build' in the root of the repository`)
  process.exit(1)
}

rmSync('dist', { recursive: true, force: true })
mkdirSync('dist')

const { takeApart, withoutAlignments } = await fromTypeScript('scripts/streams.ts')
const core = withoutAlignments(withoutPaths(readFileSync(WASM)))
// Deflate as any browser reads it, searched for longer and in as many blocks as help: 5% less than what zlib
// makes of it.
const packed = Buffer.from(await zopfli.deflateAsync(takeApart(core), { numiterations: 15, blocksplittingmax: 0 }))
await build({
  entryPoints: ['src/index.ts', 'src/wasm.ts'],
  outdir: 'dist',
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  sourcemap: true,
  // The map points into src/, which the package does not carry.
  sourcesContent: true,
  legalComments: 'none',
  define: { MESHLACE_WASM: JSON.stringify(packed.toString('base64')) },
})
writeFileSync('dist/meshlace.wasm', core)
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '--project', 'tsconfig.types.json'], {
  stdio: 'inherit',
})

/** The module that a file of TypeScript is. */
async function fromTypeScript(file) {
  const options = { bundle: true, format: 'esm', platform: 'node', write: false }
  const { outputFiles } = await build({ entryPoints: [file], ...options })
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`)
}

/**
 * Panics name the source they are in by the path on the machine that compiled it, which is nobody's
 * business. Overwritten in place: the length of a string stands elsewhere.
 */
function withoutPaths(wasm) {
  const places = /\/[\w./-]*?\/registry\/src\/[\w.-]+\/|\/rustc\/[0-9a-f]{40}\/library\//g
  for (const { index, 0: path } of wasm.toString('latin1').matchAll(places)) wasm.fill('-', index, index + path.length)
  return wasm
}
