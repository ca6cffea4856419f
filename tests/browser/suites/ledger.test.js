// Shared state: every page holds the same blocks and makes the same of them, whatever happens to pages and paths.
// Trap: "two tabs write one history twice".
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
  // The evidence is a block of one of the two as well.
  const isSaid = async (lab) => {
    for await (const { actions } of lab.room().ledger.blocks()) if (actions.length === 0) return true
    return false
  }
  for (const page of [a, x]) {
    await page.until('the evidence is said', 5_000, isSaid)
    await stored(page)
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
