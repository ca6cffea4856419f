// What a browser test is given: a server, a site, pages in real browsers, and a report of all of them when it fails.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Browser } from './browsers.js'
import { LabPage } from './page.js'
import { paths } from './paths.js'
import { Server } from './server.js'
import { RemoteSite, Site } from './site.js'

/** Browsers a test file keeps for all of its tests: starting one costs a second of both cores. */
const shared = new Map()

async function sharedBrowser(key) {
  if (!shared.has(key)) shared.set(key, Browser.launch(key.split(':')[0]))
  return shared.get(key)
}

after(async () => {
  for (const browser of shared.values()) await (await browser).close()
})

/**
 * Declares a browser test. `body` gets a fresh `Lab`; all it started ends with the test. When the body fails, the
 * error carries what every page logged and `room.diagnose()` of each.
 */
export function labTest(name, given, body) {
  // Only a net under the deadlines of the waits inside, which are what the product is held to. Two cores with a load of
  // 8 to 18 took at most 0.57 of what each test names.
  const { timeout = 60_000, ...options } = given
  test(name, { timeout: timeout + 20_000, ...options }, async () => {
    const lab = new Lab()
    try {
      await withDeadline(body(lab), timeout)
    } catch (error) {
      const report = await lab.report()
      throw new Error(`${error.message}\n${keep(name, error, report)}`, { cause: error })
    } finally {
      await lab.close()
    }
  })
}

async function withDeadline(promise, ms) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the test did not end within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The whole report goes to a file; the end of it, and the file's name, to the error. */
function keep(name, error, report) {
  mkdirSync(paths.artifacts, { recursive: true })
  const file = join(paths.artifacts, `${name.replace(/[^a-z0-9]+/gi, '-').slice(0, 80)}.txt`)
  writeFileSync(file, `${error.stack}\n\n${report}\n`)
  const shown = process.env.MESHLACE_REPORT_CHARS ? Number(process.env.MESHLACE_REPORT_CHARS) : 6_000
  return `${report.slice(0, shown)}${report.length > shown ? '\n...' : ''}\nwhole report: ${file}`
}

export class Lab {
  #closers = []
  pages = []
  servers = []

  /** A signalling server of this test's own. */
  async server(options) {
    const server = new Server(options)
    this.#closers.push(() => server.close())
    this.servers.push(server)
    return server.start()
  }

  /** Anything with `close()` that must end with the test. */
  keep(closable) {
    this.#closers.push(() => closable.close())
    return closable
  }

  async site(options) {
    this.#site ??= await this.keep(options?.wrap ? new RemoteSite(options) : new Site(options)).start()
    return this.#site
  }

  #site

  /** A browser of this test's own, to be killed, stopped or started oddly. */
  async browser(kind, options) {
    return this.keep(await Browser.launch(kind, options))
  }

  /**
   * Opens a test page. `where` is a browser of this test, or `kind:name` of one shared by the file, e.g.
   * `chromium:one`. `before` names scripts of `page/hostile` to run ahead of the library.
   */
  async page(where, { before = [], tab = false, host } = {}) {
    const site = await this.site()
    const browser = typeof where === 'string' ? await sharedBrowser(where) : where
    const page = tab ? await browser.tab() : await browser.page()
    const name = `p${this.pages.length + 1}`
    const opened = new LabPage(name, browser, page)
    this.pages.push(opened)
    this.#closers.push(() => (browser.dead ? undefined : within(page.close(), 3_000)))
    return opened.open(site.url(host ?? `${name}.localhost`, before))
  }

  /** A server, and one page per place, all joined to one new room and linked with one another. */
  async mesh(...places) {
    const server = await this.server()
    const pages = []
    for (const place of places) pages.push(await this.page(place))
    const address = await pages[0].create(server)
    await Promise.all(pages.map((page) => page.join(address)))
    await Promise.all(pages.map((page) => page.linkedTo(...pages.filter((other) => other !== page))))
    return { server, address, pages }
  }

  async report() {
    const reports = await Promise.all(this.pages.map((page) => page.report()))
    const outputs = this.servers.map((server) => `--- server on ${server.port}\n${server.output.slice(-1_500)}`)
    return [...reports, ...outputs].join('\n')
  }

  async close() {
    for (const close of this.#closers.reverse()) {
      try {
        await close()
      } catch {
        // A page whose browser was killed cannot be closed; the process is gone, which is what counts.
      }
    }
  }
}

/** Waits for a promise, but no longer than `ms`: closing a page of a stuck browser must not hold the suite up. */
const within = (promise, ms) => Promise.race([promise, new Promise((resolve) => setTimeout(resolve, ms).unref())])
