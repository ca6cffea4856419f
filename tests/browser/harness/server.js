// The real signalling server, as a user starts it: one process on a loopback port of its own.
import { spawn } from 'node:child_process'
import { ended, killTree, own } from './processes.js'
import { paths, requireBuilt } from './paths.js'

const START_MS_MAX = 10_000
const STOP_MS_MAX = 5_000

export class Server {
  #child
  #host
  #wrap
  /** @type {number} */ port = 0
  output = ''

  constructor({ host = '127.0.0.1', wrap = [] } = {}) {
    this.#host = host
    this.#wrap = wrap
  }

  /** The origin as a page would type it, e.g. `http://127.0.0.1:4711`. */
  get origin() {
    return `http://${this.#host}:${this.port}`
  }

  /** What `createRoom({ server })` takes. */
  get url() {
    return `ws://${this.#host}:${this.port}`
  }

  get pid() {
    return this.#child.pid
  }

  /** Starts the process and resolves once it has printed its address, the port included. */
  async start() {
    requireBuilt(paths.server, 'run `cargo xtask build` first')
    const command = [...this.#wrap, paths.server, 'serve', '--host', this.#host, '--port', String(this.port)]
    const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    own(child.pid)
    await new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`meshlace serve ${why}\n${this.output}`))
      const timer = setTimeout(() => fail(`printed no address within ${START_MS_MAX} ms`), START_MS_MAX)
      child.once('error', (error) => fail(`did not start: ${error.message}`))
      child.once('exit', (code, signal) => fail(`ended with ${code ?? signal}`))
      child.stderr.on('data', (chunk) => (this.output += chunk))
      child.stdout.on('data', (chunk) => {
        this.output += chunk
        const found = /https?:\/\/[^\s/]+:(\d+)/.exec(this.output)
        if (!found) return
        clearTimeout(timer)
        this.port = Number(found[1])
        resolve()
      })
    })
    return this
  }

  /** SIGKILL: no goodbye to anybody. */
  async kill() {
    const child = this.#child
    const gone = ended(child, STOP_MS_MAX)
    killTree(child.pid)
    await gone
  }

  /** Ctrl-C: the server says goodbye and ends by itself. Returns the exit code. */
  async stop() {
    this.#child.kill('SIGINT')
    await ended(this.#child, STOP_MS_MAX)
    return this.#child.exitCode
  }

  /** Starts again on the same port. */
  async restart() {
    this.output = ''
    return this.start()
  }

  async close() {
    if (this.#child && this.#child.exitCode === null && this.#child.signalCode === null) await this.kill()
  }
}
