// Builds dist/ from src/ and generated/: both entry points, minified, with maps, types and the
// WebAssembly. `generated/` comes from `cargo xtask wasm`.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { constants, deflateRawSync } from 'node:zlib'
import { build } from 'esbuild'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))

const WASM = 'generated/meshlace_wasm_bg.wasm'
if (!existsSync(WASM)) {
  console.error(`${WASM} is not there: run 'cargo xtask build' in the root of the repository`)
  process.exit(1)
}

rmSync('dist', { recursive: true, force: true })
mkdirSync('dist')

const packed = deflateRawSync(readFileSync(WASM), { level: constants.Z_BEST_COMPRESSION, memLevel: 9 })
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
cpSync(WASM, 'dist/meshlace.wasm')
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '--project', 'tsconfig.types.json'], {
  stdio: 'inherit',
})
