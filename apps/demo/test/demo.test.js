// The demo page from end to end: two people meet, and see, hear and send to each other.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'

import { dropFile, dropZeros, framesFlow, hasStored, openPage, startBrowser, startServer } from './support.js'

const patience = { timeout: 40_000 }
/** A picture of one pixel. */
const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')

let server
let browser
let ada
let grace

before(async () => {
  server = await startServer()
  browser = await startBrowser()
})

after(async () => {
  await browser?.close()
  await server?.kill()
})

test('a page without a room opens one and puts its address into the address bar', async () => {
  ada = await openPage(browser, server.origin, { name: 'Ada', hue: 28 })
  await ada.getByText('Nobody else is here yet').waitFor(patience)
  assert.match(new URL(ada.url()).hash, /^#[\w-]{20,}\.[\w-]{20,}$/)
  assert.equal(await ada.getByRole('img', { name: 'QR code' }).count(), 1)
  assert.equal(await ada.getByRole('textbox', { name: 'Room address' }).inputValue(), ada.url())
})

test('two pages meet and draw an open link with its round trip and bytes', async () => {
  grace = await openPage(browser, ada.url(), { name: 'Grace', hue: 250 })
  for (const [page, other] of [[ada, 'Grace'], [grace, 'Ada']]) {
    await page.locator('.tile', { hasText: other }).waitFor(patience)
    await page.locator('.threads .near.is-open').waitFor({ ...patience, state: 'attached' })
    await page.locator('.thread-label', { hasText: /ms.*B\/s/ }).waitFor(patience)
    await page.getByText('Linked with 1 person').waitFor(patience)
  }
})

test('the full report of a link is told in words', async () => {
  await ada.locator('.thread-label').click()
  const report = ada.getByRole('dialog', { name: 'Link' })
  await report.getByText('The link to Grace is open, verified both ways.').waitFor(patience)
  for (const term of ['Path', 'Sent', 'Received', 'Healed']) await report.getByText(term, { exact: true }).waitFor(patience)
  await ada.keyboard.press('Escape')
  await report.waitFor({ state: 'detached' })
})

test('what one writes the other reads, and the writer learns that it arrived', async () => {
  await ada.getByLabel('Message', { exact: true }).fill('Soup at one?')
  await ada.keyboard.press('Enter')
  await grace.locator('.line', { hasText: 'Soup at one?' }).getByText('Ada').waitFor(patience)
  await ada.getByText('Delivered to 1 person').waitFor(patience)
})

test('what looks like a page is shown as text', async () => {
  await grace.getByLabel('Message', { exact: true }).fill('<img src=x onerror=alert(1)> https://example.org/a')
  await grace.keyboard.press('Enter')
  const line = ada.locator('.line', { hasText: 'onerror' })
  await line.waitFor(patience)
  assert.equal(await line.locator('img').count(), 0)
  assert.equal(await line.getByRole('link').getAttribute('href'), 'https://example.org/a')
})

test('a dropped picture is seen by the other', async () => {
  await dropFile(ada, { name: 'dot.png', type: 'image/png', bytes: pixel })
  const picture = grace.getByRole('img', { name: 'dot.png' })
  await picture.waitFor({ ...patience, state: 'attached' })
  assert.equal(await picture.evaluate(image => image.decode().then(() => image.naturalWidth)), 1)
})

test('a picked file of 12 MB arrives unharmed and can be saved', async () => {
  const bytes = randomBytes(12_000_000)
  await ada.locator('input[type=file]').setInputFiles({ name: 'notes.bin', mimeType: 'application/octet-stream', buffer: bytes })
  const link = grace.getByRole('link', { name: 'Save notes.bin' })
  await link.waitFor({ timeout: 60_000 })
  const [download] = await Promise.all([grace.waitForEvent('download'), link.click()])
  const digest = data => createHash('sha256').update(data).digest('hex')
  assert.equal(digest(await readFile(await download.path())), digest(bytes))
  await ada.locator('.line', { hasText: 'notes.bin' }).getByText('Delivered to 1 person').waitFor(patience)
})

test('a file over 32 MB is refused before anything is sent', async () => {
  await dropZeros(ada, 'film.mp4', 32 * 1024 * 1024 + 1)
  await ada.getByText('Not sent: a file may have 32 MB.').waitFor(patience)
  assert.equal(await grace.getByText('film.mp4').count(), 0)
})

test('a cursor is seen where it points', async () => {
  const box = await ada.locator('.stage').boundingBox()
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 3]
  for (let step = 0; step < 10; step += 1) {
    await ada.mouse.move(x + step, y)
    await ada.waitForTimeout(30)
  }
  await grace.locator('.cursor', { hasText: 'Ada' }).waitFor({ ...patience, state: 'attached' })
  await grace.waitForFunction(expected => {
    const found = document.querySelector('.cursor')?.getBoundingClientRect()
    return found !== undefined && Math.abs(found.x - expected) < 12
  }, x + 9, patience)
})

test('a name that is changed changes for the other', async () => {
  await grace.locator('.tile.is-me .tile-name').click()
  await grace.getByLabel('Name').fill('Grace H')
  await grace.keyboard.press('Enter')
  await ada.locator('.tile', { hasText: 'Grace H' }).waitFor(patience)
})

test('a camera is seen by the other, muted, switched and stopped', async () => {
  await ada.getByRole('button', { name: 'Share camera' }).click()
  await framesFlow(grace, 'Ada')
  await ada.getByRole('button', { name: 'Mute microphone' }).click()
  await grace.locator('.tile', { hasText: 'Ada' }).getByLabel('microphone off').waitFor(patience)
  const cameras = ada.getByLabel('Camera', { exact: true })
  const values = await cameras.locator('option').evaluateAll(options => options.map(option => option.value))
  // The second of Chromium's fake cameras films depth, of which nothing is seen.
  await cameras.selectOption(values[2])
  await framesFlow(grace, 'Ada')
  await framesFlow(ada, 'Ada')
  await ada.getByRole('button', { name: 'Stop sharing' }).click()
  await grace.locator('.tile', { hasText: 'Ada' }).locator('video').waitFor({ ...patience, state: 'detached' })
})

test('somebody who comes late, on a phone, sees the camera too', async () => {
  await ada.getByRole('button', { name: 'Share camera' }).click()
  const late = await openPage(browser, ada.url(), { name: 'Hedy', hue: 200, width: 390, height: 844, hasTouch: true, isMobile: true })
  await framesFlow(late, 'Ada')
  assert.ok(await late.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'a phone scrolls one way only')
  await late.locator('.threads .far.is-open').waitFor({ ...patience, state: 'attached' })
  assert.deepEqual(late.faults, [])
  await late.close()
  await ada.locator('.note', { hasText: 'Hedy left' }).waitFor(patience)
})

test('a server that is gone is told, and links go on without it', async () => {
  await server.kill()
  await ada.getByText(/Linked with 1 person\. The server is lost/).waitFor(patience)
  await ada.getByLabel('Message', { exact: true }).fill('Still here?')
  await ada.keyboard.press('Enter')
  await grace.getByText('Still here?').waitFor(patience)
  server = await startServer(server.port)
  await ada.getByText('Linked with 1 person', { exact: true }).waitFor({ timeout: 40_000 })
})

test('who closes the page is gone within seconds', async () => {
  await grace.close()
  await ada.locator('.note', { hasText: 'Grace H left' }).waitFor({ timeout: 10_000 })
  await ada.getByText('Nobody else is here yet').waitFor(patience)
})

test('a room can be left and joined again', async () => {
  await ada.getByRole('button', { name: 'Leave the room' }).click()
  await ada.getByText('You have left the room').waitFor(patience)
  await ada.getByRole('button', { name: 'Join again' }).click()
  await ada.getByText('Nobody else is here yet').waitFor(patience)
})

test('an address that opens no room says so and offers a new one', async () => {
  const lost = await openPage(browser, `${server.origin}/#AAAA.BBBB`)
  await lost.getByRole('alert').getByText('This address opens no room').waitFor(patience)
  await lost.getByRole('button', { name: 'Open a new room' }).click()
  await lost.getByText('Nobody else is here yet').waitFor(patience)
  await lost.close()
})

test('a server that cannot be reached is told from the rest', async () => {
  const lost = await openPage(browser, `${ada.url()}@127.0.0.1:1`)
  await lost.getByRole('alert').getByText('The server cannot be reached').waitFor(patience)
  await lost.getByRole('button', { name: 'Try again' }).waitFor(patience)
  await lost.close()
})

test('a browser without WebRTC is told so, and offered nothing that cannot help', async () => {
  const first = () => { delete globalThis.RTCPeerConnection }
  const lost = await openPage(browser, ada.url(), { first })
  await lost.getByRole('alert').getByText('This browser has no WebRTC').waitFor(patience)
  assert.equal(await lost.getByRole('button', { name: 'Try again' }).count(), 0)
  await lost.close()
})

test('a page whose peer was started anew elsewhere says so, and can take its place again', async () => {
  // The page gives each start a key of its own; two starts of one key need one that both of them find.
  const first = () => { Object.prototype.identity = new Uint8Array(32).fill(9) }
  const older = await openPage(browser, ada.url(), { name: 'Mary', hue: 120, first })
  await ada.getByText('Linked with 1 person').waitFor(patience)
  const newer = await openPage(browser, ada.url(), { name: 'Mary', hue: 120, first })
  await older.getByRole('alert').getByText('This room is open somewhere newer').waitFor(patience)
  await newer.getByText('Linked with 1 person').waitFor(patience)
  await older.getByRole('button', { name: 'Join again' }).click()
  await newer.getByRole('alert').getByText('This room is open somewhere newer').waitFor(patience)
  await older.getByText('Linked with 1 person').waitFor(patience)
  for (const page of [older, newer]) {
    assert.deepEqual(page.faults, [])
    await page.close()
  }
})

test('a disk that is full is told beside the board, which goes on in memory until there is space again', async () => {
  const first = () => {
    for (const method of ['add', 'put']) {
      const real = IDBObjectStore.prototype[method]
      IDBObjectStore.prototype[method] = function (...given) {
        if (globalThis.diskIsFull) throw new DOMException('the disk is full', 'QuotaExceededError')
        return real.apply(this, given)
      }
    }
  }
  const page = await openPage(browser, server.origin, { name: 'Fanny', hue: 60, first })
  const write = async text => {
    await page.getByLabel('Add a card to To do').fill(text)
    await page.keyboard.press('Enter')
    await page.locator('.card', { hasText: text }).waitFor(patience)
  }
  await page.getByText('Nobody else is here yet').waitFor(patience)
  await page.locator('.views').getByText('Board').click()
  await write('Flour')
  await page.getByText('1 change kept here').waitFor(patience)
  assert.ok(await hasStored(page), 'the first card is on disk')
  await page.evaluate(() => { globalThis.diskIsFull = true })
  await write('Salt')
  await page.getByText('Storage is full: changes now last only while a page of the room is open. Free some space, then reload.').waitFor(patience)
  // It works all the same, and says so as long as it is so.
  await write('Yeast')
  await page.getByText('Storage is full').waitFor(patience)
  await page.reload()
  await page.locator('.card', { hasText: 'Flour' }).waitFor(patience)
  assert.deepEqual(await page.locator('.card').count(), 1)
  await write('Water')
  await page.getByText(/kept here/).waitFor(patience)
  assert.equal(await page.getByText('Storage is full').count(), 0)
  assert.deepEqual(page.faults, [])
  await page.close()
})

test('the message field grows with its lines and scrolls only when they are many', async () => {
  const field = ada.getByLabel('Message', { exact: true })
  const hidden = () => field.evaluate(element => element.scrollHeight - element.clientHeight)
  for (const width of [1440, 1280, 390]) {
    await ada.setViewportSize({ width, height: 800 })
    for (const lines of [0, 1, 2, 4]) {
      await field.fill('line\n'.repeat(lines))
      assert.equal(await hidden(), 0, `${lines} lines at ${width} px`)
    }
    await field.fill('line\n'.repeat(30))
    assert.ok(await hidden() > 100)
    await field.fill('')
  }
})
