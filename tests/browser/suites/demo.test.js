// The demo page where its own tests do not look: in Firefox, together with Chromium, and on the ledger.
import assert from 'node:assert/strict'
import { labTest } from '../harness/lab.js'

/** Presses what is named so, once it is there: one page may be linked before the other shows its views. */
async function press(page, selector, name) {
  const named = (where, wanted) =>
    [...document.querySelectorAll(where)].find((found) => (found.ariaLabel ?? found.textContent) === wanted)
  const found = await page.waitForFunction(named, { timeout: 20_000 }, selector, name)
  await found.evaluate((button) => button.click())
}

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

labTest('two pages edit one board, which survives a reload, and its history checks out', { timeout: 60_000 }, async (lab) => {
  // Both write, move, drag and remove; one leaves and the other reloads; then every block of it is looked at.
  const server = await lab.server()
  const browser = await lab.browser('chromium')
  const [first, second] = [await browser.page(), await browser.page()]
  const faults = []
  for (const page of [first, second]) {
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
    await page.setViewport({ width: 1280, height: 800 })
  }
  const until = (page, test, ...given) => page.waitForFunction(test, { timeout: 20_000 }, ...given)
  const shows = (page, text) => until(page, (wanted) => document.body.innerText.includes(wanted), text)
  const open = (page, name) => press(page, '.views button', name)
  const add = async (page, column, text) => {
    await page.type(`[aria-label="Add a card to ${column}"]`, text)
    await page.keyboard.press('Enter')
  }
  const hasCards = (page, column, ...texts) =>
    until(
      page,
      (name, wanted) => JSON.stringify([...document.querySelectorAll(`[data-column=${name}] .card-text`)].map(({ textContent }) => textContent)) === wanted,
      column,
      JSON.stringify(texts),
    )
  const boxOf = (page, column, index) => page.$$(`[data-column=${column}] .card`).then((cards) => cards[index].boundingBox())

  await first.goto(`http://localhost:${server.port}/`)
  await shows(first, 'Nobody else is here yet')
  await open(first, 'Board')
  await add(first, 'To do', 'Flour')
  await shows(first, '1 change kept here, goes out when others are reachable.')
  await second.goto(first.url())
  await open(second, 'Board')
  // What was written before anybody came.
  await hasCards(second, 'todo', 'Flour')
  await shows(first, 'Kept here and shared with 1 person.')
  await add(second, 'To do', 'Salt')
  await add(second, 'Doing', 'Menu')
  await hasCards(first, 'todo', 'Flour', 'Salt')

  // By button, by keyboard, and by pointer.
  await first.click('[data-column=todo] .card [data-do=right]')
  await hasCards(second, 'doing', 'Menu', 'Flour')
  await second.focus('[data-column=doing] .card:last-child')
  await second.keyboard.press('ArrowUp')
  await hasCards(first, 'doing', 'Flour', 'Menu')
  assert.equal(await second.evaluate(() => document.activeElement.querySelector('.card-text').textContent), 'Flour')
  const [from, to] = [await boxOf(first, 'todo', 0), await boxOf(first, 'doing', 1)]
  await first.mouse.move(from.x + 40, from.y + 12)
  await first.mouse.down()
  await first.mouse.move(to.x + 40, to.y + 6, { steps: 6 })
  await first.mouse.up()
  for (const page of [first, second]) await hasCards(page, 'doing', 'Flour', 'Salt', 'Menu')
  await second.focus('[data-column=doing] .card')
  await second.keyboard.press('Enter')
  await second.waitForSelector('.card.is-edited textarea')
  await second.keyboard.type('Rye flour')
  await second.keyboard.press('Enter')
  await hasCards(first, 'doing', 'Rye flour', 'Salt', 'Menu')
  await first.focus('[data-column=doing] .card:last-child')
  await first.keyboard.press('Delete')
  await hasCards(second, 'doing', 'Rye flour', 'Salt')

  await second.close()
  await shows(first, 'Only you are here')
  await first.reload()
  await hasCards(first, 'doing', 'Rye flour', 'Salt')

  await open(first, 'History')
  await first.waitForSelector('.block')
  assert.equal((await first.$$('.lanes li')).length, 2)
  const count = (await first.$$('.block')).length
  assert.ok(count >= 7, `${count} blocks are drawn`)
  for (let index = 0; index < count; index += 1) {
    await first.evaluate((at) => document.querySelectorAll('.block')[at].dispatchEvent(new MouseEvent('click', { bubbles: true })), index)
    await until(first, (at) => document.querySelectorAll('.block')[at].matches('.is-chosen'), index)
    await shows(first, 'The signature holds')
  }
  // From there on by keyboard.
  // Puppeteer's own `focus` takes HTML alone.
  await first.evaluate(() => document.querySelector('.block.is-chosen').focus())
  await first.keyboard.press('ArrowLeft')
  await first.keyboard.press('Enter')
  await shows(first, 'The signature holds')
  assert.deepEqual(faults, [])
})

labTest('a board saved as a file is taken in by a page that meets nobody', { timeout: 60_000 }, async (lab) => {
  // They never meet: all that the second learns of the room, its address apart, is in the file.
  const server = await lab.server()
  const [first, second] = [await (await lab.browser('chromium')).page(), await (await lab.browser('chromium')).page()]
  const shows = (page, text) =>
    page.waitForFunction((wanted) => document.body.innerText.includes(wanted), { timeout: 20_000 }, text).catch(async (cause) => {
      throw new Error(`${text} is not shown, but ${await page.evaluate(() => document.body.innerText)}`, { cause })
    })
  const open = (page, name) => press(page, '.views button', name)
  const importFile = (page, bytes) =>
    page.evaluate((content) => {
      const picker = document.querySelector('.ledger-file')
      const transfer = new DataTransfer()
      transfer.items.add(new File([Uint8Array.from(content)], 'saved.ledger'))
      picker.files = transfer.files
      picker.dispatchEvent(new Event('change'))
    }, bytes)
  await first.goto(`http://localhost:${server.port}/`)
  await shows(first, 'Nobody else is here yet')
  const address = first.url()
  await open(first, 'Board')
  for (const text of ['Flour', 'Salt']) {
    await first.type('[aria-label="Add a card to To do"]', text)
    await first.keyboard.press('Enter')
  }
  await open(first, 'History')
  await shows(first, '2 blocks')
  // Instead of a download, which would need a folder.
  await first.evaluate(() => {
    URL.createObjectURL = (blob) => {
      globalThis.saved = blob.arrayBuffer().then((buffer) => [...new Uint8Array(buffer)])
      return '#'
    }
    HTMLAnchorElement.prototype.click = () => undefined
    document.querySelector('.menu button').click()
  })
  await first.waitForSelector('[role=menuitem]')
  await first.evaluate(() => document.querySelector('[role=menuitem]').click())
  await shows(first, 'Saved 2 blocks. Anyone can check the file.')
  const saved = await first.evaluate(() => globalThis.saved)
  // The file begins with the room's genesis: another one in its place is another room's.
  const foreign = saved.with(40, saved[40] ^ 1)
  await first.close()

  await second.goto(address)
  await open(second, 'History')
  await shows(second, 'The founding block of this room is not here yet')
  await importFile(second, [1, 2, 3, 4])
  await shows(second, 'Not taken in: this is no ledger file')
  await importFile(second, foreign)
  await shows(second, 'Not taken in: the file is of another room.')
  await open(second, 'Board')
  await shows(second, 'What you write is kept here until then')
  await open(second, 'History')
  await importFile(second, saved)
  await shows(second, 'Took in 2 blocks.')
  await importFile(second, saved)
  await shows(second, 'Nothing new: all of it is here already.')
  await open(second, 'Board')
  await shows(second, 'Flour')
  await shows(second, 'Salt')
})

labTest('a browser that keeps nothing is told so beside the board, which works all the same', { timeout: 60_000 }, async (lab) => {
  // As in a private window of some browsers: the storage is there, and refuses.
  const server = await lab.server()
  const page = await (await lab.browser('chromium')).page()
  await page.evaluateOnNewDocument(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('refused', 'SecurityError')
    }
  })
  const shows = (text) =>
    page.waitForFunction((wanted) => document.body.innerText.includes(wanted), { timeout: 20_000 }, text)
  await page.goto(`http://localhost:${server.port}/`)
  await shows('Nobody else is here yet')
  await press(page, '.views button', 'Board')
  await shows('This browser keeps nothing for this page')
  await page.type('[aria-label="Add a card to To do"]', 'Flour')
  await page.keyboard.press('Enter')
  await shows('Flour')
  await press(page, '.views button', 'History')
  await shows('1 block')
})

labTest('an author who wrote two histories is marked in the history', { timeout: 60_000 }, async (lab) => {
  // All that a browser holds for the page is copied into another, and both write on from there.
  const server = await lab.server()
  const [own, copy, watcher] = await Promise.all(['one', 'two', 'three'].map(async () => (await lab.browser('chromium')).page()))
  const shows = (page, text) =>
    page.waitForFunction((wanted) => document.body.innerText.includes(wanted), { timeout: 20_000 }, text)
  const write = async (page, text) => {
    const form = await page.waitForSelector('[data-column=todo] .card-composer', { timeout: 20_000 })
    await form.evaluate((composer, wanted) => {
      const field = composer.querySelector('input')
      field.value = wanted
      field.dispatchEvent(new InputEvent('input', { bubbles: true }))
    }, text)
    // The page has taken it up.
    await page.waitForSelector('[data-column=todo] .card-composer button:enabled', { timeout: 20_000 })
    await form.evaluate((composer) => composer.requestSubmit())
  }
  await own.goto(`http://localhost:${server.port}/`)
  await shows(own, 'Nobody else is here yet')
  const address = own.url()
  await watcher.goto(address)
  await shows(own, 'Linked with 1 person')
  for (const page of [own, watcher]) await press(page, '.views button', 'Board')
  await write(own, 'Before')
  await shows(watcher, 'Before')
  await press(own, 'button', 'Leave the room')
  await shows(own, 'You have left the room')
  // Goodbyes take a while. Without the mark that ends them the copy would take a key of its own.
  await own.waitForFunction(() => Object.keys(localStorage).some((name) => name.startsWith('meshlace ')), { timeout: 20_000 })
  const copied = await own.evaluate(async () => {
    const done = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)))
    const plain = (value) => {
      if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return { bytes: [...new Uint8Array(value.buffer ?? value)] }
      if (Array.isArray(value)) return { list: value.map(plain) }
      if (typeof value !== 'object' || value === null) return { value }
      return { entries: Object.entries(value).map(([key, held]) => [key, plain(held)]) }
    }
    const databases = []
    for (const { name, version } of await indexedDB.databases()) {
      const database = await done(indexedDB.open(name))
      const stores = []
      for (const store of database.objectStoreNames) {
        const opened = database.transaction(store).objectStore(store)
        const [keys, values] = await Promise.all([done(opened.getAllKeys()), done(opened.getAll())])
        stores.push([store, keys.map((key, index) => [plain(key), plain(values[index])])])
      }
      database.close()
      databases.push([name, version, stores])
    }
    return { databases, marks: Object.entries(localStorage) }
  })
  // A page of the same origin on which nothing runs.
  await copy.goto(`http://localhost:${server.port}/meshlace/addresses`)
  await copy.evaluate(async ({ databases, marks }) => {
    const done = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)))
    const real = ({ bytes, list, entries, value }) => {
      if (bytes !== undefined) return Uint8Array.from(bytes)
      if (list !== undefined) return list.map(real)
      return entries === undefined ? value : Object.fromEntries(entries.map(([key, held]) => [key, real(held)]))
    }
    for (const [name, version, stores] of databases) {
      const request = indexedDB.open(name, version)
      request.onupgradeneeded = () => stores.map(([store]) => request.result.createObjectStore(store))
      const database = await done(request)
      for (const [store, held] of stores) {
        const opened = database.transaction(store, 'readwrite').objectStore(store)
        await Promise.all(held.map(([key, value]) => done(opened.put(real(value), real(key)))))
      }
      database.close()
    }
    for (const [name, value] of marks) localStorage.setItem(name, value)
  }, copied)
  await press(own, 'button', 'Join again')
  await shows(own, 'Linked with 1 person')
  await write(own, 'Here')
  await shows(watcher, 'Here')
  // The copy meets nobody until it has written: from the others it would learn that its head is old.
  await copy.evaluateOnNewDocument(() => {
    const { setRemoteDescription } = RTCPeerConnection.prototype
    const mayMeet = new Promise((resolve) => (globalThis.meet = resolve))
    RTCPeerConnection.prototype.setRemoteDescription = function (...given) {
      return mayMeet.then(() => setRemoteDescription.apply(this, given))
    }
  })
  await copy.goto(address)
  await copy.waitForSelector('.views', { timeout: 20_000 })
  await press(copy, '.views button', 'Board')
  await shows(copy, 'Before')
  await write(copy, 'There')
  await press(copy, '.views button', 'History')
  await shows(copy, '2 blocks')
  await copy.evaluate(() => globalThis.meet())
  await shows(watcher, 'wrote two histories')
  await shows(watcher, 'the link with them is closed')
  await shows(own, 'wrote two histories')
  await press(watcher, '.views button', 'History')
  await watcher.waitForSelector('.lanes .is-forked .forked', { timeout: 20_000 })
  await shows(watcher, 'forked')
})
