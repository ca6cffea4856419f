// What comes to disk and back, whatever happens to pages and disks.
// Traps: "reload forgets everything", "one corrupted record loses all".
import assert from 'node:assert/strict'
import { labTest } from '../harness/lab.js'
import { converged, stored } from '../harness/ledger.js'

labTest('a reload restores without the network', { timeout: 60_000 }, async (lab) => {
  const { server, address, pages: [a] } = await lab.mesh('chromium:one')
  await a.run((lab) => lab.write('a', 300, { apart: true }))
  await a.until('all is stored', 10_000, (lab) => lab.outcomes().every(({ state }) => state === 'resolved'))
  const before = await a.run((lab) => lab.held())
  await server.close()
  await a.reload()
  const { joinMs } = await a.join(address)
  assert.deepEqual(await a.run((lab) => lab.held()), before)
  // Without the network a room opens after 1 s, where joining would fail after 10 s.
  assert.ok(joinMs < 5_000, `${joinMs} ms`)
  assert.equal(await a.run((lab) => lab.room().status), 'offline')
  // And it can be written on, by the author that it was.
  await a.run((lab) => lab.write('offline', 10))
  await a.until('it is stored', 5_000, (lab) => lab.outcomes().length === 10 && lab.outcomes().every(({ state }) => state === 'resolved'))
  const authors = await a.run(async (lab) => {
    const authors = new Set()
    for await (const { author } of lab.room().ledger.blocks()) authors.add(author)
    return authors.size
  })
  assert.equal(authors, 1)
})

labTest('what is dispatched in the last turn of a page is there after a reload, and the page writes on as the same author', { timeout: 60_000 }, async (lab) => {
  const server = await lab.server()
  for (const kind of ['chromium', 'firefox']) {
    const a = await lab.page(`${kind}:one`)
    const address = await a.create(server)
    // Ahead of the library, which then has this turn and no other.
    await a.run((lab) => addEventListener('pagehide', () => lab.write('last', 3)))
    await a.join(address)
    await a.run((lab) => lab.write('before', 2))
    await a.until('it is stored', 5_000, (lab) => lab.outcomes().every(({ state }) => state === 'resolved'))
    await a.reload()
    await a.join(address)
    // At once, and there is nobody who could confirm what it wrote.
    await a.run((lab) => lab.write('after', 1))
    const texts = await a.run((lab) => lab.board().getState().texts)
    assert.deepEqual(texts, ['before-0', 'before-1', 'last-0', 'last-1', 'last-2', 'after-0'], kind)
    const authors = await a.run(async (lab) => {
      const authors = new Set()
      for await (const { author } of lab.room().ledger.blocks()) authors.add(author)
      return authors.size
    })
    assert.equal(authors, 1, kind)
  }
})

labTest('a page that is killed amid a thousand dispatches loses nothing that was said to be stored', { timeout: 120_000 }, async (lab) => {
  const server = await lab.server()
  const browser = await lab.browser('chromium')
  const a = await lab.page(browser, { tab: true, host: 'killed.localhost' })
  const address = await a.create(server)
  await a.join(address)
  // What is stored is told to the outside at once: the page has no later.
  const told = []
  const session = await a.page.createCDPSession()
  const killed = new Promise((resolve) => a.page.once('error', resolve))
  await a.page.exposeFunction('tellStored', (text) => {
    // Nothing is left that could answer.
    if (told.push(text) === 300) session.send('Page.crash').catch(() => {})
    return told.length < 300 ? undefined : new Promise(() => undefined)
  })
  await a.run((lab) => {
    let toldCount = 0
    const write = (n) => {
      setTimeout(() => write(n), 5)
      // However slow the outside is, it is killed before the last one.
      if (n === 1_000 || n > toldCount + 400) return
      const text = `text ${n}`
      n += 1
      lab.board().dispatch({ type: 'add', text }).stored.then(() => globalThis.tellStored(text)).then(() => (toldCount += 1))
    }
    write(0)
  })
  await killed
  const b = await lab.page(browser, { tab: true, host: 'killed.localhost' })
  await b.join(address)
  const texts = await b.run((lab) => lab.board().getState().texts)
  const missing = told.filter((text) => !texts.includes(text))
  assert.deepEqual(missing, [])
  assert.ok(texts.length < 1_000, 'it was killed in the middle')
  assert.deepEqual(texts, texts.map((_, n) => `text ${n}`), 'nothing in between is missing')
})

labTest('a new room outlives a crash right after it was made', { timeout: 60_000 }, async (lab) => {
  const server = await lab.server()
  const browser = await lab.browser('chromium')
  const a = await lab.page(browser, { tab: true, host: 'crashed.localhost' })
  let tell
  const made = new Promise((resolve) => (tell = resolve))
  await a.page.exposeFunction('tellAddress', tell)
  // The page does nothing after: what is not on disk by then is lost.
  await a.run((lab, server) => {
    lab.meshlace.createRoom({ server, page: `${location.origin}/` }).then(({ address }) => globalThis.tellAddress(address))
  }, server.url)
  const address = await made
  const session = await a.page.createCDPSession()
  session.send('Page.crash').catch(() => {})
  await new Promise((resolve) => a.page.once('error', resolve))
  const b = await lab.page(browser, { tab: true, host: 'crashed.localhost' })
  await b.join(address)
  await b.run((lab) => lab.write('b', 5))
  await b.run((lab) => lab.room().ledger.ready)
  await b.until('it is stored', 5_000, (lab) => lab.outcomes().every(({ state }) => state === 'resolved'))
  assert.equal(await b.run((lab) => lab.held().count), 5)
})

labTest('a page that has met nobody keeps what is dispatched; a file or the first peer opens its ledger', { timeout: 90_000 }, async (lab) => {
  const server = await lab.server()
  const [a, b, c] = [await lab.page('chromium:one'), await lab.page('firefox:one'), await lab.page('chromium:two')]
  const [address, other] = [await a.create(server), await a.create(server)]
  const fileOf = async (to, count) => {
    await a.join(to)
    await a.run((lab, count) => lab.write('a', count), count)
    await a.run((lab) => lab.room().ledger.ready)
    const file = await a.run(async (lab) => [...new Uint8Array(await (await lab.room().ledger.export()).arrayBuffer())])
    await a.leave()
    await a.reload()
    return file
  }
  const [wrong, right] = [await fileOf(other, 1), await fileOf(address, 10)]
  const texts = (page) => page.run((lab) => lab.board().getState().texts)
  for (const page of [b, c]) {
    await page.join(address)
    await page.run((lab) => lab.write('early', 3))
    assert.deepEqual(await texts(page), ['early-0', 'early-1', 'early-2'])
    await page.until('it is kept beside the room', 5_000, async (lab) => (await lab.disk()).waitingCount === 3)
    await page.leave()
    await page.reload()
    await page.join(address)
    assert.deepEqual(await texts(page), ['early-0', 'early-1', 'early-2'])
    if (page === b) await page.leave()
  }
  // A file.
  const take = (file) => c.run((lab, file) => lab.room().ledger.import(Uint8Array.from(file)).catch(lab.failure), file)
  const refused = await take(wrong)
  assert.deepEqual([refused.code, refused.expected], ['GenesisMismatch', 'the genesis of this room'])
  assert.equal(await c.run((lab) => lab.room().ledger.member), '')
  const taken = await take(right)
  assert.ok(taken.heldCount > 0 && taken.refusedCount === 0, JSON.stringify(taken))
  await c.run((lab) => lab.room().ledger.ready)
  await c.until('all is here', 5_000, (lab) => lab.held().count === 13)
  // A peer.
  await b.reload()
  await b.join(address)
  await Promise.all([b.linkedTo(c), c.linkedTo(b)])
  await converged([b, c], 16, 5_000)
  for (const page of [b, c]) {
    await stored(page)
    await page.reload()
    await page.join(address)
  }
  await converged([b, c], 16, 5_000)
  await a.join(address)
  await converged([a, b, c], 16, 10_000)
})

labTest('a record that the disk spoiled is reported and fetched again', { timeout: 60_000 }, async (lab) => {
  const { address, pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
  await a.run((lab) => lab.write('a', 100, { apart: true }))
  const { state } = await converged([a, b], 100, 5_000)
  await stored(b)
  await b.leave()
  const spoiled = await b.run(async () => {
    const { name } = (await indexedDB.databases()).find(({ name }) => name.startsWith('meshlace '))
    const database = await new Promise((resolve) => {
      const request = indexedDB.open(name)
      request.onsuccess = () => resolve(request.result)
    })
    const records = database.transaction('records', 'readwrite').objectStore('records')
    const keys = await new Promise((resolve) => (records.getAllKeys().onsuccess = ({ target }) => resolve(target.result)))
    const blocks = keys.filter((key) => new Uint8Array(key)[0] === 2)
    const key = blocks[Math.floor(blocks.length / 2)]
    await new Promise((resolve) => {
      records.get(key).onsuccess = ({ target }) => {
        const bytes = target.result
        bytes[bytes.length >> 1] ^= 1
        records.put(bytes, key).onsuccess = resolve
      }
    })
    database.close()
    return Array.from(new Uint8Array(key), (byte) => byte.toString(16).padStart(2, '0')).join('')
  })
  const { [spoiled]: bytes } = await b.run(async (lab) => (await lab.disk()).blocks)
  await b.reload()
  await b.join(address)
  await b.until('the loss is told', 5_000, (lab) => lab.of('error').some(({ error }) => error.code === 'StorageCorrupt'))
  await b.linkedTo(a)
  assert.equal((await converged([a, b], 100, 5_000)).state, state)
  // It is whole again on disk.
  await stored(b)
  await b.until(
    'another record in the place of the spoiled one',
    5_000,
    async (lab, key, before) => String((await lab.disk()).blocks[key]) !== before,
    spoiled,
    String(bytes),
  )
  await b.reload()
  await b.join(address)
  assert.equal(await b.run((lab) => lab.held().state), state)
  assert.deepEqual(await b.run((lab) => lab.of('error')), [])
})

labTest('a disk that is full, or a browser that stores nothing: said by name, and the room goes on', { timeout: 60_000 }, async (lab) => {
  const server = await lab.server()
  const a = await lab.page('chromium:one', { before: ['full-storage'] })
  const address = await a.create(server)
  await a.join(address)
  const refused = await lab.page('chromium:two', { before: ['no-storage'] })
  await refused.join(address)
  await Promise.all([a.linkedTo(refused), refused.linkedTo(a)])
  await a.run(() => void (globalThis.diskIsFull = true))
  await a.run((lab) => lab.write('a', 20, { apart: true }))
  await refused.run((lab) => lab.write('refused', 20, { apart: true }))
  await converged([a, refused], 40, 5_000)
  const codes = (page) => page.run((lab) => [...new Set(lab.outcomes().map(({ error }) => error?.code))])
  await a.until('receipts settle', 5_000, (lab) => lab.outcomes().every(({ state }) => state !== 'pending'))
  assert.deepEqual(await codes(a), ['StorageFull'])
  assert.deepEqual(await codes(refused), ['StorageRefused'])
  assert.deepEqual(await a.run((lab) => lab.of('error').map(({ error }) => error.code)), ['StorageFull'])
})

/** All that a page has in IndexedDB of its room, as numbers; given them back, puts them in the place of what is there. */
const backUp = (page, backup) =>
  page.run(async (_lab, backup) => {
    const { name } = (await indexedDB.databases()).find(({ name }) => name.startsWith('meshlace '))
    const done = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)))
    const database = await done(indexedDB.open(name))
    const made = []
    for (const [at, own] of ['records', 'values'].entries()) {
      const store = database.transaction(own, 'readwrite').objectStore(own)
      if (backup) {
        await done(store.clear())
        for (const [key, value] of backup[at]) {
          await done(at === 0 ? store.put(Uint8Array.from(value), Uint8Array.from(key)) : store.put(value, key))
        }
      } else {
        const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())])
        made.push(keys.map((key, n) => (at === 0 ? [[...new Uint8Array(key)], [...values[n]]] : [key, values[n]])))
      }
    }
    database.close()
    return made
  }, backup)

labTest('a page whose storage was restored from a backup does not contradict what it wrote since', { timeout: 60_000 }, async (lab) => {
  const { address, pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
  await a.run((lab) => lab.write('before', 20, { apart: true }))
  await a.until('all is stored', 5_000, (lab) => lab.outcomes().every(({ state }) => state === 'resolved'))
  const backup = await backUp(a)
  await a.run((lab) => lab.write('since', 20, { apart: true }))
  await converged([a, b], 40, 5_000)
  await a.leave()
  await backUp(a, backup)
  await a.reload()
  await a.join(address)
  // At once: nobody has told it yet what it wrote.
  await a.run((lab) => lab.write('after', 20, { apart: true }))
  await Promise.all([a.linkedTo(b), b.linkedTo(a)])
  await converged([a, b], 60, 10_000)
  for (const page of [a, b]) {
    assert.deepEqual(await page.run((lab) => lab.of('error').filter(({ error }) => error.code === 'AuthorForked')), [])
  }
})
