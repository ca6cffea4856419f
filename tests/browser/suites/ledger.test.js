// Shared state: every page holds the same blocks and makes the same of them, whatever happens to pages, paths and disks.
// Traps: "reload forgets everything", "two tabs write one history twice", "one corrupted record loses all".
import assert from 'node:assert/strict'
import { labTest } from '../harness/lab.js'
import { converged, stored } from '../harness/ledger.js'
import { Network } from '../harness/network.js'

labTest('what one page writes shows on the others, by author, and receipts say who has it', { timeout: 60_000 }, async (lab) => {
  const { pages: [a, b] } = await lab.mesh('chromium:one', 'firefox:one')
  await a.run((lab) => lab.write('a', 50))
  await b.run((lab) => lab.write('b', 50, { apart: true }))
  const { state } = await converged([a, b], 100, 5_000)
  const members = await Promise.all([a, b].map((page) => page.run((lab) => lab.room().ledger.member)))
  assert.deepEqual(JSON.parse(state).by, { [members[0]]: 50, [members[1]]: 50 })
  await a.until('all is stored', 5_000, (lab) => lab.outcomes().every(({ state }) => state === 'resolved'))
  await a.run((lab) => lab.board().dispatch({ type: 'add', text: 'seen' }).seenBy(1))
  const written = await b.run(async (lab, author) => {
    const texts = []
    for await (const { actions } of lab.room().ledger.blocks({ author })) texts.push(...actions.map(({ action }) => action.text))
    return texts
  }, members[0])
  assert.equal(written.length, 51)
  assert.equal(written[0], 'a-0')
  // Every block names blocks that stand before it, and is vouched for.
  const wrong = await b.run(async (lab) => {
    const [before, wrong] = [new Set(), []]
    for await (const block of lab.room().ledger.blocks()) {
      if (block.check() === 0 || !block.parents().every((id) => before.has(id)) || (before.size > 0 && block.parents().length === 0)) {
        if (block.seq > 0) wrong.push(block.id)
      }
      before.add(block.id)
    }
    return wrong
  })
  assert.deepEqual(wrong, [])
})

labTest('two are cut off from a third, all three write, and heal to one state', { timeout: 150_000 }, async (lab) => {
  const network = await lab.keep(new Network()).start('a', 'b', 'c')
  const host = network.gateway
  await lab.site({ host, wrap: network.at('switch') })
  const server = await lab.server({ host, wrap: network.at('switch') })
  const pages = []
  for (const name of ['a', 'b', 'c']) pages.push(await lab.page(await lab.browser('chromium', { wrap: network.at(name) }), { host }))
  const [a, b, c] = pages
  const address = await a.create(server)
  await Promise.all(pages.map((page) => page.join(address)))
  await Promise.all(pages.map((page) => page.linkedTo(...pages.filter((other) => other !== page))))
  for (const page of pages) await page.run((lab) => lab.write('before', 10))
  await converged(pages, 30, 5_000)
  network.cut('c')
  await Promise.all([a, b].map((page) => page.until('c is missed', 20_000, (lab, id) => !lab.open().includes(id), c.id)))
  for (const page of pages) await page.run((lab) => lab.write('apart', 100, { apart: true }))
  await converged([a, b], 230, 5_000)
  assert.equal(await c.run((lab) => lab.held().count), 130)
  network.heal('c')
  await Promise.all(pages.map((page) => page.linkedTo(...pages.filter((other) => other !== page))))
  const { ms } = await converged(pages, 330, 2_000)
  assert.ok(ms < 2_000, `${ms} ms`)
})

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

labTest('two tabs of one profile never fork, however they are loaded', { timeout: 120_000 }, async (lab) => {
  const { address, pages: [other] } = await lab.mesh('chromium:one')
  const browser = await lab.browser('chromium')
  const tabs = [await lab.page(browser, { tab: true, host: 'tabs.localhost' }), await lab.page(browser, { tab: true, host: 'tabs.localhost' })]
  await Promise.all(tabs.map((tab) => tab.join(address)))
  let count = 0
  for (let round = 0; round < 5; round += 1) {
    await Promise.all(tabs.map((tab, n) => tab.run((lab, prefix) => lab.write(prefix, 40, { apart: true }), `${round}-${n}`)))
    count += 80
    await converged([other, ...tabs], count, 10_000)
    // At once, or one after the other.
    if (round % 2 === 0) await Promise.all(tabs.map((tab) => tab.reload()))
    else for (const tab of tabs) await tab.reload()
    await Promise.all(tabs.map((tab) => tab.join(address)))
    await Promise.all(tabs.map((tab) => tab.linkedTo(other)))
  }
  await converged([other, ...tabs], count, 10_000)
  const { members, authors } = await other.run(async (lab) => {
    const [members, authors] = [new Set(), new Set()]
    for await (const { member, author } of lab.room().ledger.blocks()) {
      members.add(member)
      authors.add(author)
    }
    return { members: members.size, authors: authors.size }
  })
  assert.equal(members, 1)
  assert.ok(authors <= 3, `${authors} authors`)
  for (const page of [other, ...tabs]) {
    assert.deepEqual(await page.run((lab) => lab.of('error').filter(({ error }) => error.code === 'AuthorForked')), [])
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

labTest('an owned room is written by its creator alone', { timeout: 60_000 }, async (lab) => {
  const server = await lab.server()
  const [a, b] = [await lab.page('chromium:one'), await lab.page('chromium:two')]
  const address = await a.run(async (lab, server) => {
    const made = await lab.meshlace.createRoom({ server, page: location.origin + '/', owned: true, name: 'Kitchen' })
    const { address } = made
    await made.leave()
    return address
  }, server.url)
  await Promise.all([a.join(address), b.join(address)])
  await Promise.all([a.linkedTo(b), b.linkedTo(a)])
  await a.run((lab) => lab.write('a', 10))
  await b.until('what the creator wrote', 5_000, (lab) => lab.held().count === 10)
  await b.run((lab) => lab.write('b', 1))
  const { error } = await b.until('the refusal', 5_000, (lab) => lab.outcomes().find(({ state }) => state === 'rejected'))
  assert.ok(['BlockRefused', 'NotAllowed'].includes(error.code), error.code)
  await converged([a, b], 10, 5_000)
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

labTest('two rooms of one page do not wait for one another, nor does one that was left and is joined again', { timeout: 60_000 }, async (lab) => {
  const { address, pages: [a] } = await lab.mesh('chromium:one')
  const { joinMs } = await a.join(address, { name: 'second' })
  await a.until('the two agree', 5_000, (lab) => lab.room('room').ledger.digest === lab.room('second').ledger.digest)
  // A slot that another page holds is waited for for 2 s.
  assert.ok(joinMs < 2_000, `${joinMs} ms`)
  await a.leave('second')
  await a.leave()
  const again = await a.join(address)
  assert.ok(again.joinMs < 2_000, `${again.joinMs} ms`)
})

labTest('pages whose reducers are not deterministic are told which key differs', { timeout: 60_000 }, async (lab) => {
  const { pages: [a, b] } = await lab.mesh('chromium:one', 'firefox:one')
  for (const page of [a, b]) {
    await page.run((lab) => {
      globalThis.odd = lab.room().store('odd', {
        version: 1,
        initial: { count: 0 },
        reduce: ({ count }) => ({ count: count + 1, where: location.host }),
      })
      lab.room().on('divergence', (found) => (globalThis.diverged = found))
    })
  }
  await a.run(() => void globalThis.odd.dispatch({ type: 'any' }))
  for (const [page, other] of [[a, b], [b, a]]) {
    const { store, keys, peer } = await page.until('it is told', 10_000, () => globalThis.diverged)
    assert.deepEqual({ store, keys, peer }, { store: 'odd', keys: ['where'], peer: other.id })
  }
})

labTest('a profile that was copied and used twice forks: everyone is told and has the proof, and both come back as authors of their own', { timeout: 120_000 }, async (lab) => {
  const { address, pages: [a, c] } = await lab.mesh('chromium:one', 'chromium:two')
  await a.run((lab) => lab.write('before', 10, { apart: true }))
  await converged([a, c], 10, 5_000)
  await a.until('all is stored', 5_000, (lab) => lab.outcomes().every(({ state }) => state === 'resolved'))
  await a.leave()
  // Everything the page has, the mark of its orderly end too.
  const copied = await a.run(async () => {
    const done = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)))
    const copies = []
    for (const { name } of await indexedDB.databases()) {
      const database = await done(indexedDB.open(name))
      const stores = []
      for (const own of ['records', 'values']) {
        const store = database.transaction(own).objectStore(own)
        const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())])
        const plain = (value) => (typeof value === 'string' || typeof value === 'number' ? value : [...new Uint8Array(value.buffer ?? value)])
        stores.push(keys.map((key, n) => [plain(key), plain(values[n])]))
      }
      copies.push([name, stores])
    }
    return { copies, marks: Object.entries(localStorage) }
  })
  const x = await lab.page('chromium:two', { before: ['alone'] })
  await x.run(async (_lab, { copies, marks }) => {
    const done = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)))
    for (const [name, stores] of copies) {
      const request = indexedDB.open(name, 1)
      request.onupgradeneeded = () => ['records', 'values'].map((own) => request.result.createObjectStore(own))
      const database = await done(request)
      const real = (value) => (Array.isArray(value) ? Uint8Array.from(value) : value)
      for (const [at, own] of ['records', 'values'].entries()) {
        const store = database.transaction(own, 'readwrite').objectStore(own)
        await Promise.all(stores[at].map(([key, value]) => done(store.put(real(value), real(key)))))
      }
      database.close()
    }
    for (const [name, value] of marks) localStorage.setItem(name, value)
  }, copied)
  await a.reload()
  await Promise.all([a.join(address), x.join(address)])
  // Each before it hears of the other, from whom it would learn that its head is old.
  await x.run((lab) => lab.write('x', 5))
  await x.until('it is written', 5_000, (lab) => lab.room().ledger.length === 11)
  // Sent unasked: so it is known who writes as this author.
  await Promise.all([a.linkedTo(c), c.linkedTo(a)])
  await a.run((lab) => lab.write('a', 5))
  await c.until('what it wrote', 5_000, (lab) => lab.held().count === 15)
  await x.run(() => globalThis.meet())
  const told = (page) =>
    page.until('the fork is told', 10_000, (lab) => lab.of('error').find(({ error }) => error.code === 'AuthorForked')?.error)
  const forks = await Promise.all([a, x, c].map(told))
  assert.equal(new Set(forks.map(({ found }) => found)).size, 1)
  assert.ok(await c.run((lab, author) => lab.room().ledger.forkProof(author).length > 100, forks[0].found))
  // Who wrote as the author that forked is left, by name, and comes back by itself.
  const { error } = await c.until('it is named', 10_000, (lab, id) => lab.of('error').find(({ error }) => error.peer === id), a.id)
  assert.deepEqual([error.code, error.found], ['AuthorForked', forks[0].found])
  await c.until('it is left', 10_000, (lab, id) => lab.of('peerleave').some(({ peer }) => peer === id), a.id)
  await a.until('it knows why', 10_000, (lab, id) => lab.of('peerleave').some(({ peer }) => peer === id), c.id)
  const pages = [a, x, c]
  await Promise.all(pages.map((page) => page.linkedTo(...pages.filter((other) => other !== page))))
  // Each under a slot of its own from now on, also after a reload.
  for (const page of [a, x]) await page.run((lab) => lab.write('again', 5))
  const { state } = await converged(pages, 20, 10_000)
  assert.deepEqual(JSON.parse(state).texts.slice(0, 10), Array.from({ length: 10 }, (_, n) => `before-${n}`))
  for (const page of [a, x]) {
    await page.until('all is stored', 5_000, (lab) => lab.outcomes().every(({ state }) => state === 'resolved'))
    assert.equal(await page.run((lab) => lab.of('error').filter(({ error }) => error.code === 'AuthorForked' && !error.peer).length), 1)
    await page.reload()
    await page.join(address)
    await page.run(() => globalThis.meet?.())
    await page.run((lab) => lab.write('reloaded', 5))
  }
  await Promise.all(pages.map((page) => page.linkedTo(...pages.filter((other) => other !== page))))
  await converged(pages, 30, 10_000)
  const writers = await c.run(async (lab) => {
    const writers = {}
    for await (const { member, author, actions } of lab.room().ledger.blocks()) {
      if (actions.length > 0) ((writers[member] ??= {})[author] ??= []).push(...actions.map(({ action }) => action.text.split('-')[0]))
    }
    return Object.values(writers)
  })
  assert.equal(writers.length, 1, 'one member')
  const texts = Object.values(writers[0]).map((texts) => [...new Set(texts)].join(' '))
  assert.deepEqual(texts.sort(), ['again reloaded', 'again reloaded', 'before'])
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
