// The demo page where its own tests do not look: in Firefox, together with Chromium.
import assert from 'node:assert/strict'
import { labTest } from '../harness/lab.js'

labTest('the demo page opens a room in Firefox, and Chromium meets it there', { timeout: 60_000 }, async (lab) => {
  const server = await lab.server()
  const [firefox, chromium] = [await lab.browser('firefox'), await lab.browser('chromium')]
  const [first, second] = [await firefox.page(), await chromium.page()]
  const faults = []
  for (const page of [first, second]) {
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
  }
  const shows = (page, text) =>
    page.waitForFunction((wanted) => document.body.innerText.includes(wanted), { timeout: 20_000 }, text)
  // As on a user's machine: a page from localhost may use what only secure pages may.
  await first.goto(`http://localhost:${server.port}/`)
  await shows(first, 'Nobody else is here yet')
  assert.match(new URL(first.url()).hash, /^#[\w-]{20,}\.[\w-]{20,}$/)
  await second.goto(first.url())
  for (const page of [first, second]) await shows(page, 'Linked with 1 person')
  for (const [page, other, text] of [[first, second, 'Hello from Firefox'], [second, first, 'Hello from Chromium']]) {
    await page.type('[aria-label="Message"]', text)
    await page.keyboard.press('Enter')
    await shows(other, text)
    await shows(page, 'Delivered to 1 person')
  }
  assert.deepEqual(faults, [])
})
