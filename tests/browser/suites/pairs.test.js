// Two pages, every pairing of browsers: links that are verified, and messages that wait for them.
// Traps: "open on one side only", "answerer says connected before its channel is open", "both sides dial at once".
import assert from 'node:assert/strict'
import { labTest } from '../harness/lab.js'
import { assertAll } from '../harness/assert.js'

const pairings = [
  ['chromium:one', 'chromium:two'],
  ['chromium:one', 'firefox:one'],
  ['firefox:one', 'chromium:one'],
]

for (const [first, second] of pairings) {
  const who = `${first.split(':')[0]} and ${second.split(':')[0]} in two processes`

  labTest(`${who} exchange a string, the second as newcomer`, { timeout: 40_000 }, async (lab) => {
    const server = await lab.server()
    const [a, b] = [await lab.page(first), await lab.page(second)]
    const address = await a.create(server)
    await a.join(address)
    // Whoever made the room has left it, of which the server may hear a little later.
    await a.until('nobody else is here', 5_000, (lab) => lab.room().status === 'alone')
    await b.join(address)
    await Promise.all([a.linkedTo(b), b.linkedTo(a)])
    await a.send({ kind: 'value', value: 'hello from the first' })
    await b.send({ kind: 'value', value: 'hello from the second' })
    const atB = await b.got('hello from the first')
    const atA = await a.got('hello from the second')
    assert.deepEqual([atA.peer, atA.to, atB.peer, atB.to], [b.id, 'room', a.id, 'room'])
    const sent = await a.settled('send')
    assert.deepEqual([sent.state, sent.delivered, sent.failed], ['resolved', [b.id], []])
    assert.equal(await a.run((lab) => lab.room().status), 'connected')
  })

  labTest(`${who}: messages sent in the tick in which joinRoom returns arrive`, { timeout: 40_000 }, async (lab) => {
    const server = await lab.server()
    const [a, b] = [await lab.page(first), await lab.page(second)]
    const address = await a.create(server)
    await a.join(address)
    await b.join(address, { first: 'before any link' })
    await a.got('before any link')
    assert.deepEqual((await b.settled('first')).delivered, [a.id])
    // A peer that is only linking can be written to as well, by the side that hears of it.
    await b.leave()
    // Listening is in place before the other comes: a link may open faster than a command reaches a page.
    await a.run((lab, old) => {
      lab.heard = new Promise((resolve) => {
        lab.room().on('peers', () => {
          const found = [...lab.room().peers.values()].find((peer) => peer.id !== old)
          if (found && !lab.sends.early) {
            lab.track('early', found.send('while linking'))
            resolve(found.state)
          }
        })
      })
    }, b.id)
    await b.join(address, { name: 'again' })
    const heard = await a.run((lab) => lab.heard)
    assert.equal(heard, 'linking')
    assert.equal((await a.settled('early')).state, 'resolved')
    await b.until('the early message', 10_000, (lab) => lab.of('message', 'again').some(({ value }) => value === 'while linking'))
  })
}

labTest('two Chromium processes with default flags link through mDNS names', { timeout: 40_000 }, async (lab) => {
  const browsers = [await lab.browser('chromium', { mdns: true }), await lab.browser('chromium', { mdns: true })]
  const { pages } = await lab.mesh(...browsers)
  await pages[0].send({ kind: 'value', value: 'through mDNS' })
  await pages[1].got('through mDNS')
})

labTest('both sides join at the same instant 50 times: 50 links and no error', { timeout: 120_000 }, async (lab) => {
  const server = await lab.server()
  const pages = [await lab.page('chromium:one'), await lab.page('chromium:two')]
  for (let round = 0; round < 50; round += 1) {
    const name = `round ${round}`
    const address = await pages[0].create(server)
    const at = Date.now() + 60
    const joined = await Promise.all(pages.map((page) => page.join(address, { name, at, first: { round } })))
    await Promise.all(
      pages.map((page, index) =>
        page.until(
          `the link of ${name}`,
          20_000,
          (lab, room, other) => lab.open(room).includes(other),
          name,
          joined[1 - index].selfId,
        ),
      ),
    )
    // Sent on both sides at once, so that a link open on one side only would show.
    await Promise.all(pages.map((page) => page.run((lab, room) => lab.track('both', lab.room(room).send('both ways')) && undefined, name)))
    await Promise.all(
      pages.map((page) =>
        page.until(`${name} carries both ways`, 10_000, (lab, room) => lab.of('message', room).some(({ value }) => value === 'both ways'), name),
      ),
    )
    await Promise.all(pages.map((page) => page.leave(name)))
  }
  for (const page of pages) {
    const { links, errors } = await page.run((lab) => ({
      links: lab.log.filter(({ type }) => type === 'peerjoin').length,
      errors: lab.log.filter(({ type }) => type === 'error' || type === 'uncaught'),
    }))
    assert.deepEqual({ links, errors }, { links: 50, errors: [] })
  }
})

labTest('a message sent on peerjoin arrives, from either side', { timeout: 40_000 }, async (lab) => {
  const server = await lab.server()
  const [a, b] = [await lab.page('chromium:one'), await lab.page('chromium:two')]
  const address = await a.create(server)
  const greet = (lab, to) =>
    lab.join(to).then(({ selfId }) => {
      lab.room().on('peerjoin', (peer) => lab.track('greeting', peer.send(`welcome from ${selfId}`)))
      return selfId
    })
  a.id = await a.run(greet, address)
  b.id = await b.run(greet, address)
  await Promise.all([a.got(`welcome from ${b.id}`), b.got(`welcome from ${a.id}`)])
})

labTest('a public room by its bare name, and one behind a passphrase', { timeout: 60_000 }, async (lab) => {
  const server = await lab.server()
  const [a, b, c] = [await lab.page('chromium:one'), await lab.page('chromium:two'), await lab.page('chromium:two')]
  await Promise.all([a, b].map((page) => page.join('kitchen', { server: server.url })))
  await Promise.all([a.linkedTo(b), b.linkedTo(a)])
  const name = 'secret'
  await Promise.all([a, b].map((page) => page.join('kitchen', { server: server.url, passphrase: 'correct horse', name })))
  await c.join('kitchen', { server: server.url, passphrase: 'wrong horse', name })
  await Promise.all([a, b].map((page) => page.until('the passphrase room links', 15_000, (lab) => lab.open('secret').length === 1)))
  assert.equal(await c.run((lab) => lab.room('secret').peers.size), 0)
})

labTest('10 rooms in one page are 10 peers that do not disturb each other', { timeout: 60_000 }, async (lab) => {
  const server = await lab.server()
  const [a, b] = [await lab.page('chromium:one'), await lab.page('chromium:two')]
  for (let index = 0; index < 10; index += 1) {
    const address = await a.create(server)
    await Promise.all([a.join(address, { name: `r${index}` }), b.join(address, { name: `r${index}` })])
  }
  await b.run((lab) => {
    for (let index = 0; index < 10; index += 1) for (let n = 0; n < 20; n += 1) lab.track(`${index}/${n}`, lab.room(`r${index}`).send({ n, index }))
  })
  for (let index = 0; index < 10; index += 1) {
    const got = await a.until(
      `20 messages in room ${index}`,
      15_000,
      (lab, name) => lab.numbers(name).length >= 20 && lab.of('message', name).map(({ value }) => value),
      `r${index}`,
    )
    assertAll(got.map(({ n }) => n), 20)
    assert.ok(got.every((value) => value.index === index))
  }
})
