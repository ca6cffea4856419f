// The pages under test: one or two Chromium processes, and a web server on loopback that hands every
// contestant's page to them. Each page has an origin (`p1.localhost`, ...), so a renderer process, of
// its own.
import { createReadStream, existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const CHROMIUM = '/usr/bin/chromium'

const CHROMIUM_FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A page isolated across origins has a clock of 5 us instead of 100. */
const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

/**
 * @typedef {object} Lab
 * @property {string} browserVersion
 * @property {(processes: number[]) => Promise<import('playwright-core').Page[]>} pages one page per
 *   entry, in the browser process of that number; the same pages come back for the same request
 * @property {(page: object, module: string) => Promise<void>} load opens a contestant's page afresh
 * @property {() => Promise<void>} discardPages after a failure nothing of it is used again
 * @property {() => Promise<void>} close
 */

/**
 * @param {Map<string, string>} scripts the bundled page script of each subject
 * @param {Map<string, string>} [files] paths by the name that pages fetch them by
 * @returns {Promise<Lab>}
 */
export async function openLab(scripts, files = new Map()) {
  const { port, closeServer } = await serve(scripts, files)
  const browsers = [await launch()]
  const origins = new Map()
  let loads = 0

  async function page(process, index) {
    if (browsers[process]?.isGone ?? true) browsers[process] = await launch()
    const { context, pages } = browsers[process]
    if (!pages.has(index)) {
      const opened = await context.newPage()
      pages.set(index, opened)
      origins.set(opened, `http://p${index + 1}.localhost:${port}`)
    }
    return pages.get(index)
  }

  return {
    browserVersion: await version(browsers[0].context),

    async pages(processes) {
      const pages = []
      for (const [index, process] of processes.entries()) pages.push(await page(process, index))
      return pages
    },

    async load(page, module) {
      loads += 1
      await page.goto(`${origins.get(page)}/${module}.html?load=${loads}`)
      await page.waitForFunction(() => window.bench !== undefined)
    },

    async discardPages() {
      const pages = browsers.flatMap((browser) => [...browser.pages.values()])
      for (const { pages } of browsers) pages.clear()
      origins.clear()
      await Promise.all(pages.map((page) => page.close().catch(() => {})))
    },

    async close() {
      for (const { context, directory } of browsers) {
        await context.close().catch(() => {})
        await rm(directory, { recursive: true, force: true })
      }
      closeServer()
    },
  }
}

async function launch() {
  const directory = await mkdtemp(join(tmpdir(), 'meshlace-bench-'))
  const context = await chromium.launchPersistentContext(directory, {
    executablePath: existsSync(CHROMIUM) ? CHROMIUM : onPath('chromium'),
    headless: true,
    args: CHROMIUM_FLAGS,
  })
  const browser = { context, directory, pages: new Map(), isGone: false }
  // A browser that crashed is replaced, so that it costs one run and not all that follow.
  context.on('close', () => (browser.isGone = true))
  return browser
}

function onPath(name) {
  const found = process.env.PATH.split(':')
    .map((folder) => join(folder, name))
    .find(existsSync)
  if (!found) throw new Error(`no ${name}: the benchmarks need Debian's chromium package`)
  return found
}

async function version(context) {
  const [page] = context.pages()
  return page.evaluate(() => navigator.userAgent.match(/Chrome\/\d+/)?.[0] ?? 'Chromium')
}

async function serve(scripts, files) {
  const server = createServer((request, response) => {
    const [, name, extension] = request.url.match(/^\/([\w-]+)\.(html|js|bin)/) ?? []
    if (extension === 'bin' && files.has(name)) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' })
      return void createReadStream(files.get(name)).pipe(response)
    }
    if (!scripts.has(name)) return void response.writeHead(404).end()
    const html = `<!doctype html><title>${name}</title><script type="module" src="${name}.js"></script>`
    const [type, body] =
      extension === 'html' ? ['text/html', html] : ['text/javascript', scripts.get(name)]
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, ...ISOLATED }).end(body)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const closeServer = () => {
    server.close()
    server.closeAllConnections()
  }
  return { port: server.address().port, closeServer }
}
