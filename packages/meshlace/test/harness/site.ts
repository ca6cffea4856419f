// A web server for a folder, and a browser to look at it.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join, normalize } from 'node:path'
import { chromium, type BrowserContext } from 'playwright-core'

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
}

export interface Site extends AsyncDisposable {
  readonly url: string
}

/** Serves `folder`; `headers` go with every answer. */
export async function serve(folder: string, headers: Record<string, string> = {}): Promise<Site> {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://site').pathname)
    const file = join(folder, path.endsWith('/') ? `${path}index.html` : path)
    try {
      const body = await readFile(file)
      response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', ...headers })
      response.end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export interface Browser extends AsyncDisposable {
  readonly context: BrowserContext
  /** Opens an address and gives what `globalThis.outcome` of the page resolves to. */
  outcome(url: string): Promise<unknown>
}

/** A Chromium of its own. */
export async function browse(): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'meshlace-chromium-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env['MESHLACE_CHROMIUM'] ?? '/usr/bin/chromium',
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  return {
    context,
    async outcome(url) {
      const page = await context.newPage()
      const complaints: string[] = []
      page.on('pageerror', (error) => complaints.push(String(error)))
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
      await page.goto(url)
      try {
        await page.waitForFunction(() => 'outcome' in globalThis, undefined, { timeout: 20_000 })
        return await page.evaluate(() => (globalThis as unknown as { outcome: unknown }).outcome)
      } catch (error) {
        throw new Error(`${url}: ${complaints.join('; ')}`, { cause: error })
      } finally {
        await page.close()
      }
    },
    async [Symbol.asyncDispose]() {
      await context.close()
      await rm(profile, { recursive: true, force: true })
    },
  }
}
