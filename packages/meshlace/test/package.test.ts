// What is published: the built package under its own name, in Node, in three bundlers and in a page
// without one.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import * as inline from 'meshlace'
import * as separate from 'meshlace/wasm'
import { publint } from 'publint'
import { browse, serve, type Browser } from './harness/site.js'

const APPS = resolve('build/apps')
const WORKS = { mesh: true, code: 'ServerUnreachable' }
const MACHINE_PATH = /\/home\/|\/root\/|\/registry\/src\//
const PAGE = '<!doctype html><script type="module" src="./main.js"></script>'

let browser: Browser
before(async () => {
  browser = await browse()
})
after(() => browser?.[Symbol.asyncDispose]())

/** A folder with an application that has the package among its modules. */
function application(name: string): string {
  const folder = join(APPS, name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  symlinkSync(resolve('.'), join(folder, 'node_modules/meshlace'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }')
  writeFileSync(join(folder, 'index.html'), PAGE)
  cpSync('test/harness/app.js', join(folder, 'main.js'))
  return folder
}

async function outcomeOf(folder: string): Promise<unknown> {
  await using site = await serve(folder)
  return await browser.outcome(site.url)
}

test('both entry points export the same names', () => {
  assert.deepEqual(Object.keys(inline).sort(), ['MeshError', 'createRoom', 'joinRoom', 'preload'])
  assert.deepEqual(Object.keys(separate).sort(), Object.keys(inline).sort())
})

test('in Node the import does nothing and a join rejects NoWebRtc', async () => {
  const program = `
    const before = Object.getOwnPropertyNames(globalThis).join()
    const { joinRoom } = await import('meshlace')
    await import('meshlace/wasm')
    const after = Object.getOwnPropertyNames(globalThis).join()
    const code = await joinRoom('kitchen', { server: 'wss://localhost' }).catch((error) => error.code)
    console.log(JSON.stringify({ code, clean: before === after }))`
  const out = execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' })
  assert.deepEqual(JSON.parse(out), { code: 'NoWebRtc', clean: true })
})

test('no path of the machine that built it stands in the package', () => {
  for (const name of readdirSync('dist').filter((name) => name.endsWith('.js'))) {
    const code = readFileSync(join('dist', name), 'utf8')
    assert.doesNotMatch(code, MACHINE_PATH, name)
  }
  assert.doesNotMatch(readFileSync('dist/meshlace.wasm', 'latin1'), MACHINE_PATH)
})

test('publint has nothing to say', async () => {
  const { messages } = await publint({ pkgDir: '.', strict: true, pack: false })
  assert.deepEqual(messages, [])
})

test('the types resolve as the code does (attw)', () => {
  const words = ['node_modules/@arethetypeswrong/cli/dist/index.js', '--pack', '.', '--profile', 'esm-only']
  // A file to copy or to fetch, which no program imports.
  words.push('--exclude-entrypoints', 'meshlace.wasm')
  execFileSync(process.execPath, words, { encoding: 'utf8' })
})

test('works in an application built with Vite', async () => {
  const folder = application('vite')
  const { build } = await import('vite')
  await build({ root: folder, base: './', logLevel: 'error', build: { outDir: 'out', assetsInlineLimit: 0 } })
  assert.ok(readdirSync(join(folder, 'out/assets')).some((name) => name.endsWith('.wasm')))
  assert.deepEqual(await outcomeOf(join(folder, 'out')), [WORKS, WORKS])
})

test('works in an application built with webpack', async () => {
  const folder = application('webpack')
  const { default: webpack } = await import('webpack')
  const bundler = webpack({
    mode: 'production',
    context: folder,
    entry: './main.js',
    output: { path: join(folder, 'out'), filename: 'main.js' },
    performance: false,
  })
  const stats = await new Promise<{ hasErrors(): boolean; toString(): string } | undefined>((done, fail) =>
    bundler!.run((error, result) => (error ? fail(error) : done(result))),
  )
  assert.ok(!stats!.hasErrors(), stats!.toString())
  cpSync(join(folder, 'index.html'), join(folder, 'out/index.html'))
  assert.deepEqual(await outcomeOf(join(folder, 'out')), [WORKS, WORKS])
})

test('works in an application built with esbuild, with the file beside the bundle', async () => {
  const folder = application('esbuild')
  const { build } = await import('esbuild')
  await build({
    absWorkingDir: folder,
    entryPoints: ['main.js'],
    bundle: true,
    format: 'esm',
    minify: true,
    outdir: 'out',
    // Not the tsconfig of the package around it, whose paths lead to the sources.
    tsconfigRaw: {},
  })
  cpSync('dist/meshlace.wasm', join(folder, 'out/meshlace.wasm'))
  cpSync(join(folder, 'index.html'), join(folder, 'out/index.html'))
  assert.deepEqual(await outcomeOf(join(folder, 'out')), [WORKS, WORKS])
})

test('works in a page without a bundler, from another origin', async () => {
  const folder = application('plain')
  await using cdn = await serve('dist', {
    'access-control-allow-origin': '*',
  })
  const imports = { meshlace: `${cdn.url}index.js`, 'meshlace/wasm': `${cdn.url}wasm.js` }
  const map = `<script type="importmap">${JSON.stringify({ imports })}</script>`
  writeFileSync(join(folder, 'index.html'), `<!doctype html>${map}<script type="module" src="./main.js"></script>`)
  assert.deepEqual(await outcomeOf(folder), [WORKS, WORKS])
})

test('what is not used of the package is left out of a bundle', async () => {
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    stdin: { contents: "import { joinRoom } from 'meshlace'; console.log(1)", resolveDir: application('unused') },
    bundle: true,
    format: 'esm',
    minify: true,
    write: false,
    tsconfigRaw: {},
  })
  assert.ok(outputFiles[0]!.contents.length < 200, `${outputFiles[0]!.contents.length} bytes`)
})
