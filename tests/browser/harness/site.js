// Serves the test page and the built package, every page on an origin of its own (p1.localhost, p2.localhost, ...).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { killTree, own } from './processes.js'
import { paths, requireBuilt } from './paths.js'

const TYPES = {
  '.js': 'text/javascript',
  '.map': 'application/json',
  '.wasm': 'application/wasm',
  '.html': 'text/html; charset=utf-8',
}

const html = (before) => `<!doctype html>
<meta charset="utf-8">
<title>Meshlace test page</title>
${before.map((name) => `<script src="/page/hostile/${name}.js"></script>`).join('\n')}
<script type="module" src="/page/lab.js"></script>
`

export class Site {
  #server
  #host
  port = 0

  constructor({ host = '127.0.0.1' } = {}) {
    this.#host = host
  }

  async start() {
    requireBuilt(join(paths.dist, 'index.js'), 'run `cargo xtask build` first')
    this.#server = createServer((request, response) => this.#answer(request, response))
    await new Promise((resolve) => this.#server.listen(0, this.#host, resolve))
    this.port = this.#server.address().port
    return this
  }

  /** The test page under its own origin; `before` names scripts of `page/hostile` that run ahead of the library. */
  url(host, before = []) {
    return `http://${host}:${this.port}/?${new URLSearchParams(before.map((name) => ['before', name]))}`
  }

  async #answer(request, response) {
    const url = new URL(request.url, 'http://any.localhost')
    const send = (status, type, body) => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' })
      response.end(body)
    }
    if (url.pathname === '/') return send(200, TYPES['.html'], html(url.searchParams.getAll('before')))
    if (url.pathname === '/favicon.ico') return send(204, 'image/x-icon', '')
    const path = normalize(url.pathname)
    const file = path.startsWith('/meshlace/')
      ? join(paths.dist, path.slice('/meshlace/'.length))
      : path.startsWith('/page/')
        ? join(paths.page, path.slice('/page/'.length))
        : undefined
    if (!file) return send(404, 'text/plain', 'not here')
    try {
      send(200, TYPES[extname(file)] ?? 'application/octet-stream', await readFile(file))
    } catch {
      send(404, 'text/plain', 'not here')
    }
  }

  close() {
    this.#server?.closeAllConnections()
    this.#server?.close()
  }
}

/** The site inside a network namespace: `wrap` is the command that enters it. */
export class RemoteSite extends Site {
  #child
  #host
  #wrap

  constructor({ host, wrap }) {
    super({ host })
    this.#host = host
    this.#wrap = wrap
  }

  async start() {
    const script = fileURLToPath(new URL('site-process.js', import.meta.url))
    const [command, ...rest] = [...this.#wrap, process.execPath, script, this.#host]
    this.#child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
    own(this.#child.pid)
    const [line] = await once(this.#child.stdout, 'data')
    this.port = Number(/port (\d+)/.exec(line)[1])
    return this
  }

  close() {
    killTree(this.#child.pid)
  }
}
