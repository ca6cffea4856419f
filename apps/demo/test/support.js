// The built demo page in a real browser, served by the real server on a loopback port of its own.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const root = new URL('../../../', import.meta.url)
const command = process.env.MESHLACE_SERVER ?? fileURLToPath(new URL('target/release/meshlace', root))
const browserPath = process.env.MESHLACE_CHROMIUM ?? '/usr/bin/chromium'

const browserArguments = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required',
  '--use-fake-device-for-media-stream=device-count=3', '--use-fake-ui-for-media-stream',
]

/** Starts `meshlace serve`; resolves once it has said where it listens. */
export async function startServer(port = 0) {
  if (!existsSync(command)) throw new Error(`${command} is not there: run \`cargo xtask build\` first`)
  const child = spawn(command, ['serve', '--host', '127.0.0.1', '--port', String(port)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const origin = await new Promise((resolve, reject) => {
    let output = ''
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`meshlace serve ended with ${code}\n${output}`)))
    child.stdout.on('data', chunk => {
      output += chunk
      const found = /http:\/\/localhost:\d+/.exec(output)
      if (found !== null) resolve(found[0])
    })
  })
  const kill = () => new Promise(resolve => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', resolve)
    child.kill('SIGKILL')
  })
  return { origin, port: Number(new URL(origin).port), kill }
}

export function startBrowser() {
  if (!existsSync(browserPath)) throw new Error(`${browserPath} is not there: apt-get install chromium`)
  return chromium.launch({ executablePath: browserPath, headless: true, args: browserArguments })
}

/**
 * Opens the page as one person with that name: a context of its own, so that nothing is shared. `first` runs in the page
 * ahead of everything else.
 */
export async function openPage(browser, address, { name, hue = 28, width = 1280, height = 800, first, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, acceptDownloads: true, ...options })
  if (first !== undefined) await context.addInitScript(first)
  if (name !== undefined) {
    await context.addInitScript(me => sessionStorage.setItem('me', JSON.stringify(me)), { name, hue })
  }
  const page = await context.newPage()
  page.faults = []
  page.on('pageerror', error => page.faults.push(String(error)))
  page.on('console', message => {
    if (message.type() === 'error') page.faults.push(message.text())
  })
  await page.goto(address)
  return page
}

/** Drops a file on the page as a person does, from outside the browser. */
export async function dropFile(page, { name, type, bytes }) {
  await page.evaluate(({ name, type, text }) => {
    const content = Uint8Array.from(atob(text), character => character.charCodeAt(0))
    const dataTransfer = new DataTransfer()
    dataTransfer.items.add(new File([content], name, { type }))
    for (const kind of ['dragenter', 'dragover', 'drop']) {
      document.body.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer }))
    }
  }, { name, type, text: bytes.toString('base64') })
}

/** The same with so many zeros: a file too large to be carried into the page is made inside it. */
export async function dropZeros(page, name, size) {
  await page.evaluate(({ name, size }) => {
    const dataTransfer = new DataTransfer()
    dataTransfer.items.add(new File([new Uint8Array(size)], name))
    document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer }))
  }, { name, size })
}

/** Waits until new frames of that person's video are painted. */
export async function framesFlow(page, name) {
  const video = page.locator('.tile', { hasText: name }).locator('video')
  await video.waitFor({ timeout: 40_000, state: 'attached' })
  await video.evaluate(element => new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no frames within 40 s')), 40_000)
    let count = 0
    const painted = () => {
      count += 1
      if (count < 5) return element.requestVideoFrameCallback(painted)
      clearTimeout(timer)
      resolve()
    }
    element.requestVideoFrameCallback(painted)
  }))
}

/** Waits until a block of the page's room is on disk, which is a little after the page shows what is in it. */
export function hasStored(page) {
  return page.evaluate(async () => {
    const done = request => new Promise(resolve => { request.onsuccess = () => resolve(request.result) })
    const found = (await indexedDB.databases()).find(({ name }) => name.startsWith('meshlace '))
    const database = await done(indexedDB.open(found.name))
    let isStored = false
    for (let round = 0; round < 400 && !isStored; round += 1) {
      const keys = await done(database.transaction('records').objectStore('records').getAllKeys())
      // Blocks stand under keys that begin with a 2 (docs/protocol.md R-377).
      isStored = keys.some(key => new Uint8Array(key)[0] === 2)
      if (!isStored) await new Promise(resolve => setTimeout(resolve, 100))
    }
    database.close()
    return isStored
  })
}
