// P2 against a receiver that goes away in the middle: what resolved was delivered, the rest says what is known of it.
// Traps: "close loses the tail though bufferedAmount is 0", "one-way sync after reconnect".
import assert from 'node:assert/strict'
import { labTest } from '../harness/lab.js'
import { assertAll, assertHonest, assertOnceInOrder } from '../harness/assert.js'

labTest('a receiver that reloads in the middle: resolved was delivered, the rest rejects, nothing is doubled', { timeout: 90_000 }, async (lab) => {
  const { address, pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
  await b.run((lab) => lab.remember())
  const first = b.id
  // A large message is on its way when the page goes, with small ones ahead of it and behind it.
  await a.run((lab, to) => {
    lab.sendMany(0, 2_000, { to })
    lab.send({ kind: 'Uint8Array', count: 25_000_000 }, { to, label: '2000' })
    lab.sendMany(2_001, 500, { to })
  }, first)
  await b.until('the first messages', 20_000, (lab) => lab.numbers().length >= 200)
  await b.reload()
  const received = await b.run((lab) => lab.remembered())
  assertOnceInOrder(received)
  await a.until('all sends settle', 20_000, (lab) => lab.outcomes().every(({ state }) => state !== 'pending'))
  const tally = assertHonest(await a.outcomes(), received)
  assert.ok(tally.resolved > 0 && tally.unknown + tally.notSent > 0, JSON.stringify(tally))
  // Nothing of the old page reaches the new one, which is another peer.
  await b.join(address)
  await Promise.all([a.linkedTo(b), b.linkedTo(a)])
  await a.send({ kind: 'value', value: 'for the new page' })
  await b.send({ kind: 'value', value: 'from the new page' })
  await Promise.all([b.got('for the new page'), a.got('from the new page')])
  assert.deepEqual(await b.run((lab) => lab.of('message').map(({ value }) => value)), ['for the new page'])
  assert.ok(await a.run((lab, old) => lab.of('peerleave').some(({ peer }) => peer === old), first))
})

labTest('a receiver that reloads ten times while traffic flows is found again each time', { timeout: 90_000 }, async (lab) => {
  const { address, pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
  await a.run((lab) => lab.pumpStart({ everyMs: 20 }))
  for (let round = 0; round < 10; round += 1) {
    await b.reload()
    await b.join(address)
    await Promise.all([a.linkedTo(b), b.linkedTo(a)])
    await b.until('messages flow', 10_000, (lab) => lab.numbers().length >= 5)
    assertOnceInOrder(await b.numbers(a.id))
    await b.send({ kind: 'value', value: `round ${round}` })
    await a.got(`round ${round}`)
  }
  await a.run((lab) => lab.pumpStop())
  assert.equal(await a.run((lab) => lab.room().peers.size), 1)
})

labTest('leave in the tick of the last send loses no tail', { timeout: 60_000 }, async (lab) => {
  const { pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
  await a.run((lab) => {
    lab.sendMany(0, 300, { extra: { padding: 'x'.repeat(500) } })
    return lab.room().leave()
  })
  await b.until('peerleave', 5_000, (lab) => lab.of('peerleave').length === 1)
  assertAll(await b.numbers(), 300)
  assert.deepEqual(assertHonest(await a.outcomes(), await b.numbers()), { resolved: 300, notSent: 0, unknown: 0 })
  const after = await a.run((lab) => lab.room().send('too late').then(() => null, lab.failure))
  assert.deepEqual([after.code, after.delivery], ['RoomClosed', 'not-sent'])
})

labTest('leave in the tick of a send of a File: it is delivered, or said not to be sent', { timeout: 60_000 }, async (lab) => {
  const { pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
  await a.run((lab) => {
    lab.send({ kind: 'File', count: 200_000, name: 'last.bin' }, { label: 'file' })
    lab.sendMany(0, 10)
    return lab.room().leave()
  })
  await b.until('peerleave', 5_000, (lab) => lab.of('peerleave').length === 1)
  const outcomes = await a.outcomes()
  assertHonest(outcomes, await b.numbers())
  const file = outcomes.find(({ label }) => label === 'file')
  const arrived = await b.run((lab) => lab.of('message').some(({ body }) => body?.name === 'last.bin'))
  if (file.state === 'resolved') assert.ok(arrived, 'it resolved and did not arrive')
  else assert.deepEqual([file.error.delivery, arrived], ['not-sent', false])
})

labTest('a page that goes to another address and back links again', { timeout: 60_000 }, async (lab) => {
  const { address, pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
  await b.page.goto('about:blank')
  await a.until('the others know at once', 2_000, (lab) => lab.of('peerleave').length === 1)
  await b.page.goBack({ waitUntil: 'domcontentloaded' })
  await b.page.waitForFunction('globalThis.lab !== undefined', { timeout: 10_000 })
  // Chromium keeps no page with an open connection for "back"; where it did, the room would still be there.
  const kept = await b.run((lab) => Boolean(lab.rooms.room))
  if (!kept) await b.join(address)
  await Promise.all([a.until('a link', 20_000, (lab) => lab.open().length === 1), b.until('a link', 20_000, (lab) => lab.open().length === 1)])
  await b.send({ kind: 'value', value: 'back' })
  await a.got('back')
})
