// Real browsers in processes of their own: Debian's Chromium and stock Firefox ESR.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import puppeteer from 'puppeteer-core'
import { killTree, own, signalTree } from './processes.js'
import { paths, requireBuilt } from './paths.js'

const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
]

const FIREFOX_PREFERENCES = {
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.peerconnection.ice.loopback': true,
  'media.navigator.permission.disabled': true,
  'media.navigator.streams.fake': true,
  'media.autoplay.default': 0,
  // Firefox backs off from a server that was just killed; the tests restart it within seconds.
  'network.websocket.delay-failed-reconnects': false,
}

// A stopped process answers nothing for a minute and more; the deadline that matters is the test's own.
const PROTOCOL_MS_MAX = 240_000

/** One browser process tree with a fresh profile. */
export class Browser {
  #scratch = mkdtempSync(join(tmpdir(), 'meshlace-browser-'))
  #browser
  pid = 0
  dead = false

  constructor(kind) {
    this.kind = kind
  }

  /**
   * `args` are added for Chromium. `wrap` is a command the browser is started through, such as one that enters a
   * network namespace. `plain` leaves Chromium's throttling of background pages on, as on a user's machine.
   */
  static async launch(kind, { args = [], wrap = [], plain = false, mdns = false, preferences = {} } = {}) {
    const self = new Browser(kind)
    const executablePath = self.#executable(
      requireBuilt(kind === 'firefox' ? paths.firefox : paths.chromium, `apt-get install ${kind}`),
      wrap,
    )
    const common = {
      executablePath,
      headless: true,
      userDataDir: join(self.#scratch, 'profile'),
      // A killed browser leaves its sockets behind; in here they go with the profile.
      env: { ...process.env, TMPDIR: self.#scratch },
      protocolTimeout: PROTOCOL_MS_MAX,
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
      acceptInsecureCerts: false,
    }
    self.#browser =
      kind === 'firefox'
        ? await puppeteer.launch({
            ...common,
            browser: 'firefox',
            protocol: 'webDriverBiDi',
            extraPrefsFirefox: { ...FIREFOX_PREFERENCES, ...preferences },
          })
        : await puppeteer.launch({
            ...common,
            pipe: true,
            args: [...CHROMIUM_ARGS, ...(mdns ? [] : ['--disable-features=WebRtcHideLocalIpsWithMdns']), ...args],
            ignoreDefaultArgs: plain
              ? [
                  '--disable-background-timer-throttling',
                  '--disable-backgrounding-occluded-windows',
                  '--disable-renderer-backgrounding',
                ]
              : false,
          })
    self.pid = own(self.#browser.process().pid)
    return self
  }

  #executable(path, wrap) {
    if (wrap.length === 0) return path
    const script = join(this.#scratch, 'start')
    writeFileSync(script, `#!/bin/sh\nexec ${wrap.join(' ')} ${path} "$@"\n`)
    chmodSync(script, 0o755)
    return script
  }

  /** A page in a context of its own: no storage shared with any other, and a window of its own in Chromium. */
  async page() {
    const context = await this.#browser.createBrowserContext()
    return context.newPage()
  }

  /** A page in a window shared with others, so that opening the next one hides it. */
  async tab() {
    return this.#browser.newPage()
  }

  /** SIGKILL to the whole tree: no page gets to say goodbye. */
  kill() {
    this.dead = true
    killTree(this.pid)
  }

  /** SIGSTOP to the whole tree: a laptop whose lid was closed. */
  stop() {
    signalTree(this.pid, 'SIGSTOP')
  }

  resume() {
    signalTree(this.pid, 'SIGCONT')
  }

  async close() {
    if (!this.dead) {
      this.resume()
      this.kill()
    }
    rmSync(this.#scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}
