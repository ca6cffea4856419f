// Pages that sleep: frozen by the browser, or stopped with the whole machine. A sleeper is not dead, and is not lied to.
// Trap: "background timers throttled to one a minute exactly while disconnected".
import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { labTest } from '../harness/lab.js'
import { assertAll, assertHonest, assertOnceInOrder } from '../harness/assert.js'

const MINUTE_MS = 60_000

describe('asleep', { concurrency: 3 }, () => {
  labTest('a page frozen for a minute: nothing is lost, doubled or rejected', { timeout: 150_000 }, async (lab) => {
    const { pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
    await Promise.all([a.run((lab) => lab.pumpStart({ everyMs: 100 })), b.run((lab) => lab.pumpStart({ everyMs: 100 }))])
    await Promise.all([a, b].map((page) => page.until('traffic', 5_000, (lab) => lab.numbers().length > 10)))
    await b.lifecycle('frozen')
    await a.until('a knows that b is away', 15_000, (lab, id) => lab.room().peers.get(id)?.state === 'away', b.id)
    await sleep(MINUTE_MS)
    assert.equal(await a.run((lab, id) => lab.room().peers.get(id)?.state, b.id), 'away')
    const pending = (await a.outcomes()).filter(({ state }) => state === 'pending').length
    assert.ok(pending > 300, `only ${pending} sends wait for the sleeper`)
    await b.lifecycle('active')
    await Promise.all([a.linkedTo(b), b.linkedTo(a)])
    for (const [from, to] of [[a, b], [b, a]]) {
      const sent = (await from.run((lab) => lab.pumpStop())).length
      await from.until('all settle', 20_000, (lab) => lab.outcomes().every(({ state }) => state !== 'pending'))
      const received = await to.numbers(from.id)
      assertAll(received, sent, `messages from ${from.name}`)
      assert.deepEqual(assertHonest(await from.outcomes(), received), { resolved: sent, notSent: 0, unknown: 0 })
      assert.deepEqual(await from.run((lab) => lab.of('peerleave')), [])
    }
  })

  labTest('a process stopped for a minute: what resolved arrived once, the rest is unknown at 45 s, both talk again', { timeout: 200_000 }, async (lab) => {
    const sleeper = await lab.browser('chromium')
    const { pages: [a, b] } = await lab.mesh('chromium:one', sleeper)
    await a.run((lab, to) => lab.pumpStart({ to, everyMs: 100 }), b.id)
    await b.until('traffic', 5_000, (lab) => lab.numbers().length > 10)
    sleeper.stop()
    const since = Date.now()
    const left = await a.until('a gives up on b', 60_000, (lab, id) => lab.of('peerleave').find(({ peer }) => peer === id), b.id)
    assert.ok(left.at - since > 38_000 && left.at - since < 50_000, `after ${left.at - since} ms`)
    await a.run((lab) => lab.pumpStop())
    await a.until('all settle', 10_000, (lab) => lab.outcomes().every(({ state }) => state !== 'pending'))
    const rejected = (await a.outcomes()).filter(({ state, at }) => state === 'rejected' && at < left.at)
    assert.ok(rejected.length > 100)
    // What was handed to the wire is unknown. What waited for the path to be healed may say that it was not sent, and
    // `assertHonest` below holds it to that.
    assert.ok(rejected.some(({ error }) => error.delivery === 'unknown'))
    await sleep(Math.max(0, since + MINUTE_MS - Date.now()))
    sleeper.resume()
    await Promise.all([a.linkedTo(b), b.linkedTo(a)])
    const received = await b.numbers(a.id)
    assertOnceInOrder(received)
    assertHonest(await a.outcomes(), received)
    await a.send({ kind: 'value', value: 'good morning' }, { label: 'morning' })
    await b.send({ kind: 'value', value: 'I slept well' }, { label: 'morning' })
    await Promise.all([b.got('good morning'), a.got('I slept well')])
    // What was rejected is not sent after all, once the link is back.
    const later = await b.numbers(a.id)
    assert.deepEqual(later, received)
    assertHonest(await a.outcomes(), later)
  })

  labTest('a process stopped for 20 s rejects nothing and loses nothing', { timeout: 120_000 }, async (lab) => {
    const sleeper = await lab.browser('chromium')
    const { pages: [a, b] } = await lab.mesh('chromium:one', sleeper)
    await a.run((lab) => lab.pumpStart({ everyMs: 100 }))
    await b.run((lab) => lab.pumpStart({ everyMs: 100 }))
    await b.until('traffic', 5_000, (lab) => lab.numbers().length > 10)
    sleeper.stop()
    await sleep(20_000)
    sleeper.resume()
    await Promise.all([a.linkedTo(b), b.linkedTo(a)])
    for (const [from, to] of [[a, b], [b, a]]) {
      const sent = (await from.run((lab) => lab.pumpStop())).length
      await from.until('all settle', 30_000, (lab) => lab.outcomes().every(({ state }) => state !== 'pending'))
      const received = await to.numbers(from.id)
      assertAll(received, sent, `messages from ${from.name}`)
      assert.deepEqual(assertHonest(await from.outcomes(), received), { resolved: sent, notSent: 0, unknown: 0 })
    }
  })

  labTest('a hidden page with throttled timers keeps its link and heals it', { timeout: 150_000 }, async (lab) => {
    // As on a user's machine, with the minute-long throttling of hidden pages brought forward from five minutes.
    const browser = await lab.browser('chromium', {
      plain: true,
      args: ['--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/1'],
    })
    const server = await lab.server()
    const a = await lab.page('chromium:one')
    const b = await lab.page(browser, { tab: true })
    const address = await a.create(server)
    await Promise.all([a.join(address), b.join(address)])
    await Promise.all([a.linkedTo(b), b.linkedTo(a)])
    const cover = await lab.page(browser, { tab: true, host: 'cover.localhost' })
    await cover.page.bringToFront()
    await b.until('b is hidden', 5_000, () => document.visibilityState === 'hidden')
    // 20 s of silence both ways: heartbeats must get through throttled timers before a takes b for dead.
    await sleep(20_000)
    assert.equal(await a.run((lab, id) => lab.room().peers.get(id)?.state, b.id), 'open')
    await a.send({ kind: 'value', value: 'are you there' })
    await b.got('are you there', 5_000)
    assert.equal((await a.settled('send', 5_000)).state, 'resolved')
    const c = await lab.page('chromium:one')
    await c.join(address)
    await Promise.all([c.linkedTo(a, b), a.linkedTo(c)])
  })
})
