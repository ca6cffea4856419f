// One page under test, driven from here. Every wait names what it waits for and carries a deadline; when the deadline
// passes, the error says what was awaited, where, and the test's report follows.

/** How much longer than the page's own deadline we wait for the page to tell us about it. */
const ANSWER_MS = 5_000

export class LabPage {
  console = []
  crashed

  constructor(name, browser, page) {
    this.name = name
    this.browser = browser
    this.page = page
    page.on('console', (message) => this.#keep(`${message.type()}: ${message.text()}`))
    page.on('pageerror', (error) => this.#keep(`uncaught: ${error.message}`))
    page.on('error', (error) => (this.crashed = error))
  }

  #keep(line) {
    this.console.push(line.slice(0, 400))
    if (this.console.length > 200) this.console.shift()
  }

  async open(url) {
    this.url = url
    await this.page.goto(url, { waitUntil: 'domcontentloaded' })
    await this.#loaded()
    return this
  }

  /** Loads the page anew: everything it held is gone, as when a user presses F5. */
  async reload() {
    await this.page.goto('about:blank').catch(() => {})
    return this.open(this.url)
  }

  async #loaded() {
    try {
      await this.page.waitForFunction('globalThis.lab !== undefined', { timeout: 15_000 })
    } catch (error) {
      throw new Error(`${this.name}: the test page did not load: ${error.message}\n${this.console.join('\n')}`)
    }
  }

  /** Runs `act(lab, ...args)` in the page. */
  async run(act, ...args) {
    return this.#within(
      this.page.evaluate(
        (source, given) => new Function(`return (${source})`)()(globalThis.lab, ...given),
        act.toString(),
        args,
      ),
      150_000,
      act.toString(),
    )
  }

  /** Waits until `probe(lab, ...args)` is truthy in the page and returns it. */
  async until(what, within, probe, ...args) {
    try {
      return await this.#within(
        this.page.evaluate((source, given, ms) => globalThis.lab.until(source, given, ms), probe.toString(), args, within),
        within + ANSWER_MS,
        what,
      )
    } catch (error) {
      if (!/deadline/.test(error.message)) throw new Error(`${this.name}: ${what}: ${error.message}`)
      throw new Error(`${this.name}: not within ${within} ms: ${what}`)
    }
  }

  async #within(promise, ms, what) {
    let timer
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.name}: deadline of ${ms} ms: the page does not answer: ${what}`)), ms)
    })
    try {
      return await Promise.race([promise, late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** A room address made by this page, with the given server. */
  create(server) {
    return this.run((lab, url) => lab.create(url), server.url)
  }

  /** Joins and remembers who this page is. */
  async join(address, options = {}) {
    const joined = await this.run((lab, to, given) => lab.join(to, given), address, options)
    this.id = joined.selfId
    return joined
  }

  tryJoin(address, options = {}) {
    return this.run((lab, to, given) => lab.tryJoin(to, given), address, options)
  }

  leave(name) {
    return this.run((lab, room) => lab.room(room).leave(), name ?? 'room')
  }

  /** Waits for an open link to each of `pages`. */
  linkedTo(...pages) {
    return this.until(
      `links to ${pages.map(({ name }) => name)} open`,
      20_000,
      (lab, ids) => ids.every((id) => lab.open().includes(id)),
      pages.map(({ id }) => id),
    )
  }

  /** Starts sending `recipe` and returns at once. */
  send(recipe, options) {
    return this.run((lab, what, how) => lab.send(what, how) && undefined, recipe, options ?? {})
  }

  /** Waits for a tracked send to settle. */
  settled(label, within = 10_000) {
    return this.until(
      `the send labelled ${label} settles`,
      within,
      (lab, which) => lab.sends[which]?.state !== 'pending' && lab.sends[which],
      label,
    )
  }

  /** Waits for a message whose value is `value`. */
  got(value, within = 10_000) {
    return this.until(
      `message ${JSON.stringify(value)} arrives`,
      within,
      (lab, wanted) => lab.log.find((line) => line.type === 'message' && JSON.stringify(line.value) === JSON.stringify(wanted)),
      value,
    )
  }

  outcomes() {
    return this.run((lab) => lab.outcomes())
  }

  numbers(from) {
    return this.run((lab, id) => lab.numbers('room', id), from ?? null)
  }

  diagnose() {
    return this.run(async (lab) => JSON.parse(JSON.stringify(await lab.room().diagnose(),
      (_key, value) => (value instanceof Map ? Object.fromEntries(value) : typeof value === 'bigint' ? Number(value) : value))))
  }

  /** CDP: freezes the page as the browser does with a tab out of sight, or wakes it. Chromium only. */
  async lifecycle(state) {
    this.devtools ??= await this.page.createCDPSession()
    await this.devtools.send('Page.setWebLifecycleState', { state })
  }

  /** Closes the page as a user closes a tab: `pagehide` runs. */
  async close() {
    await this.page.close({ runBeforeUnload: false })
  }

  async report() {
    const lines = [`--- ${this.name} (${this.browser.kind}, ${this.id ?? 'not joined'})`]
    if (this.crashed) lines.push(`crashed: ${this.crashed.message}`)
    if (this.browser.dead) return [...lines, 'browser was killed'].join('\n')
    if (this.page.isClosed()) return [...lines, 'page is closed'].join('\n')
    try {
      lines.push(await this.#within(this.page.evaluate(() => globalThis.lab?.report() ?? 'the page has no lab'), 4_000, 'report'))
    } catch (error) {
      lines.push(`no report: ${error.message}`)
    }
    lines.push('console:', ...this.console.slice(-30))
    return lines.join('\n')
  }
}
