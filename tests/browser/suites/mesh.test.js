// Eight pages in a full mesh: 28 links, and every message at everybody.
import assert from 'node:assert/strict'
import { labTest } from '../harness/lab.js'
import { assertAll } from '../harness/assert.js'

const EIGHT = ['one', 'two', 'one', 'two', 'one', 'two', 'one', 'two'].map((name) => `chromium:${name}`)

labTest('8 pages link in a full mesh and everybody hears everybody in order', { timeout: 90_000 }, async (lab) => {
  const { pages } = await lab.mesh(...EIGHT)
  for (const page of pages) {
    assert.equal(await page.run((lab) => lab.room().peers.size), 7)
    assert.equal(await page.run((lab) => lab.room().status), 'connected')
  }
  await Promise.all(pages.map((page) => page.run((lab) => lab.sendMany(0, 100))))
  for (const page of pages) {
    for (const other of pages) {
      if (other === page) continue
      await page.until(`100 messages of ${other.name}`, 20_000, (lab, id) => lab.numbers('room', id).length >= 100, other.id)
      assertAll(await page.numbers(other.id), 100)
    }
    const last = await page.settled('99')
    assert.deepEqual(last.delivered.toSorted?.() ?? [...last.delivered].sort(), pages.filter((one) => one !== page).map(({ id }) => id).sort())
  }
})

labTest('pages that join a mesh at the same instant all link, in Chromium and Firefox', { timeout: 90_000 }, async (lab) => {
  const server = await lab.server()
  const places = ['chromium:one', 'chromium:two', 'firefox:one', 'chromium:one', 'firefox:one']
  const pages = []
  for (const place of places) pages.push(await lab.page(place))
  const address = await pages[0].create(server)
  const at = Date.now() + 400
  await Promise.all(pages.map((page) => page.join(address, { at })))
  await Promise.all(pages.map((page) => page.linkedTo(...pages.filter((other) => other !== page))))
  await Promise.all(pages.map((page) => page.send({ kind: 'value', value: `from ${page.name}` })))
  for (const page of pages) for (const other of pages) if (other !== page) await page.got(`from ${other.name}`)
  for (const page of pages) {
    const errors = await page.run((lab) => lab.log.filter(({ type }) => type === 'error' || type === 'uncaught'))
    assert.deepEqual(errors, [])
  }
})

labTest('a message to one peer reaches that peer only', { timeout: 60_000 }, async (lab) => {
  const { pages } = await lab.mesh('chromium:one', 'chromium:two', 'chromium:one')
  const [a, b, c] = pages
  await a.send({ kind: 'value', value: 'for b alone' }, { to: b.id, label: 'private' })
  assert.equal((await a.settled('private')).state, 'resolved')
  assert.equal((await b.got('for b alone')).to, 'me')
  await a.send({ kind: 'value', value: 'for all' })
  await c.got('for all')
  assert.deepEqual(await c.run((lab) => lab.of('message').map(({ value }) => value)), ['for all'])
})

labTest('a peer that leaves a mesh is gone for the others, and its links alone', { timeout: 60_000 }, async (lab) => {
  const { pages } = await lab.mesh('chromium:one', 'chromium:two', 'chromium:one')
  const [a, b, c] = pages
  await c.leave()
  assert.equal(await c.run((lab) => lab.room().status), 'closed')
  for (const page of [a, b]) {
    await page.until('the others hear of it', 2_000, (lab, id) => lab.of('peerleave').some(({ peer }) => peer === id), c.id)
    assert.deepEqual(await page.run((lab) => [...lab.room().peers.keys()]), [page === a ? b.id : a.id])
  }
  await a.send({ kind: 'value', value: 'still here' })
  await b.got('still here')
  assert.deepEqual((await a.settled('send')).delivered, [b.id])
})
