// How soon the others know. Trap: "ghost peers, no close event".
import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { labTest } from '../harness/lab.js'
import { assertHonest } from '../harness/assert.js'

/** Timers, and the load of two cores with several browsers on them. */
const SLACK_MS = 2_000

/** How long after `since` the page heard that `peer` left. */
async function heardAfter(page, peer, since, within) {
  const line = await page.until('peerleave', within, (lab, id) => lab.of('peerleave').find((one) => one.peer === id), peer)
  return line.at - since
}

describe('leaving', { concurrency: 3 }, () => {
  labTest('a page is closed: the rest know within 1 s', { timeout: 60_000 }, async (lab) => {
    const { pages: [a, b, c] } = await lab.mesh('chromium:one', 'chromium:two', 'firefox:one')
    const since = Date.now()
    await b.close()
    for (const page of [a, c]) {
      const ms = await heardAfter(page, b.id, since, 5_000)
      assert.ok(ms < 1_000, `${page.name} heard after ${ms} ms`)
      assert.deepEqual(await page.run((lab) => lab.room().peers.size), 1)
    }
    const again = Date.now()
    await c.close()
    const ms = await heardAfter(a, c.id, again, 5_000)
    assert.ok(ms < 1_000, `Firefox closed, heard after ${ms} ms`)
    assert.equal(await a.run((lab) => lab.room().status), 'alone')
  })

  labTest('a page is closed while the server is away: the rest know within 1 s', { timeout: 60_000 }, async (lab) => {
    const { server, pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
    await server.kill()
    const since = Date.now()
    await b.close()
    const ms = await heardAfter(a, b.id, since, 5_000)
    assert.ok(ms < 1_000, `heard after ${ms} ms`)
  })

  labTest('a page that is left has closed its connections before its process can end', { timeout: 60_000 }, async (lab) => {
    for (const kind of ['chromium', 'firefox']) {
      const server = await lab.server()
      const a = await lab.page('chromium:one')
      const b = await lab.page(`${kind}:two`, { before: ['connections'] })
      const address = await a.create(server)
      await Promise.all([a.join(address), b.join(address)])
      await Promise.all([a.linkedTo(b), b.linkedTo(a)])
      assert.equal(await b.run(() => globalThis.connections.open()), 1)
      // After those of the library, which heard of the page first.
      await b.run(() => addEventListener('pagehide', () => localStorage.setItem('left open', globalThis.connections.open())))
      await b.reload()
      assert.equal(await b.run(() => localStorage.getItem('left open')), '0', kind)
    }
  })

  labTest('a process is killed with the server up: the rest know within 20 s', { timeout: 60_000 }, async (lab) => {
    const victim = await lab.browser('chromium')
    const { pages: [a, b, dead] } = await lab.mesh('chromium:one', 'chromium:two', victim)
    await a.run((lab, to) => lab.pumpStart({ to, everyMs: 100 }), dead.id)
    await a.until('traffic', 5_000, (lab) => lab.outcomes().some(({ state }) => state === 'resolved'))
    const since = Date.now()
    victim.kill()
    for (const page of [a, b]) {
      const ms = await heardAfter(page, dead.id, since, 25_000)
      assert.ok(ms < 20_000, `${page.name} heard after ${ms} ms`)
    }
    await a.run((lab) => lab.pumpStop())
    const outcomes = await a.outcomes()
    const resolved = outcomes.filter(({ state }) => state === 'resolved').map(({ label }) => Number(label))
    const tally = assertHonest(outcomes, resolved)
    assert.ok(tally.unknown > 0 || tally.notSent > 0)
    // The others talk on.
    await a.send({ kind: 'value', value: 'just us' }, { label: 'after' })
    await b.got('just us')
    assert.deepEqual((await a.settled('after')).delivered, [b.id])
  })

  labTest('a process is killed without a server: the rest know within 45 s', { timeout: 90_000 }, async (lab) => {
    const victim = await lab.browser('chromium')
    const { server, pages: [a, dead] } = await lab.mesh('chromium:one', victim)
    await server.kill()
    await a.send({ kind: 'value', value: 'still with us' })
    await dead.got('still with us')
    const since = Date.now()
    victim.kill()
    const ms = await heardAfter(a, dead.id, since, 60_000)
    assert.ok(ms < 45_000 + SLACK_MS, `heard after ${ms} ms`)
  })

  labTest('a Firefox process is killed with the server up: the rest know within 20 s', { timeout: 60_000 }, async (lab) => {
    const victim = await lab.browser('firefox')
    const { pages: [a, dead] } = await lab.mesh('chromium:one', victim)
    const since = Date.now()
    victim.kill()
    const ms = await heardAfter(a, dead.id, since, 25_000)
    assert.ok(ms < 20_000, `heard after ${ms} ms`)
  })
})
