// Runs every test of the package: types, unit tests, then the tests of what is published. Words after
// `npm test --` pick test files by part of their name.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))

const wanted = process.argv.slice(2)
const suites = readdirSync('test')
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))

if (!existsSync('dist/index.js')) {
  console.error("dist/ is not there: run 'cargo xtask build' in the root of the repository")
  process.exit(1)
}

const node = (...words) => execFileSync(process.execPath, words, { stdio: 'inherit' })

console.log('types')
node('node_modules/typescript/bin/tsc', '--noEmit')

rmSync('build', { recursive: true, force: true })
await build({
  entryPoints: suites.map((name) => `test/${name}`),
  outdir: 'build',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  // The package itself too: tests that name it get what is built.
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: 'inline',
  define: { MESHLACE_WASM: '""' },
  tsconfigRaw: {},
})
const files = suites.map((name) => `build/${name.replace(/\.ts$/, '.mjs')}`)
const { status } = spawnSync(
  process.execPath,
  ['--enable-source-maps', '--test', '--test-reporter=spec', ...files],
  { stdio: 'inherit' },
)
process.exit(status ?? 1)
