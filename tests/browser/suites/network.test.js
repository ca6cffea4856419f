// The network under a link is cut and comes back: the link heals by itself, and nothing is lost.
// Traps: "ICE restart never offered; phone screen off kills the link", "one-way sync after reconnect".
import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { labTest } from '../harness/lab.js'
import { assertAll, assertHonest } from '../harness/assert.js'
import { Network } from '../harness/network.js'

/** Two pages on hosts of their own, server and site at the switch between them, and traffic both ways. */
async function apart(lab) {
  const network = await lab.keep(new Network()).start('a', 'b')
  const host = network.gateway
  await lab.site({ host, wrap: network.at('switch') })
  const server = await lab.server({ host, wrap: network.at('switch') })
  const pages = []
  for (const name of ['a', 'b']) pages.push(await lab.page(await lab.browser('chromium', { wrap: network.at(name) }), { host }))
  const [a, b] = pages
  const address = await a.create(server)
  await Promise.all(pages.map((page) => page.join(address)))
  await Promise.all([a.linkedTo(b), b.linkedTo(a)])
  await Promise.all(pages.map((page) => page.run((lab) => lab.pumpStart({ everyMs: 50 }))))
  await Promise.all(pages.map((page) => page.until('traffic', 5_000, (lab) => lab.numbers().length > 20)))
  return { network, server, address, a, b }
}

/** Both directions carry again, and all that was ever sent arrived once and in order. */
async function assertHealed({ a, b }, within) {
  const before = await Promise.all([a, b].map((page) => page.run((lab) => lab.numbers().length)))
  for (const [index, page] of [a, b].entries()) {
    await page.until('messages flow again', within, (lab, count) => lab.numbers().length > count + 50, before[index])
  }
  for (const [from, to] of [[a, b], [b, a]]) {
    const sent = (await from.run((lab) => lab.pumpStop())).length
    await from.until('all settle', 20_000, (lab) => lab.outcomes().every(({ state }) => state !== 'pending'))
    const received = await to.numbers(from.id)
    assertAll(received, sent, `messages from ${from.name}`)
    assert.deepEqual(assertHonest(await from.outcomes(), received), { resolved: sent, notSent: 0, unknown: 0 })
    assert.deepEqual(await from.run((lab) => lab.of('peerleave')), [], 'nobody left')
  }
}

/** What one page reports of its link to the other. */
async function linkReport(page, other) {
  const { peers } = await page.diagnose()
  return peers.find(({ peer }) => peer === other.id)
}

describe('network', { concurrency: 2 }, () => {
  labTest('the path between two pages is cut and comes back: ICE restart, nothing lost', { timeout: 120_000 }, async (lab) => {
    const all = await apart(lab)
    const { network, a, b } = all
    network.cutBetween('a', 'b')
    await a.until('a notices', 20_000, (lab, id) => lab.room().peers.get(id)?.state === 'recovering', b.id)
    // A restart has 8 s, most of which are left for finding a path.
    await sleep(1_000)
    network.healBetween('a', 'b')
    await assertHealed(all, 30_000)
    // Each side counts the restarts that it began; one of the two is enough.
    const reports = [await linkReport(a, b), await linkReport(b, a)]
    assert.ok(reports.some(({ restartCount }) => restartCount > 0), 'ICE was restarted')
    assert.deepEqual(reports.map(({ rebuildCount }) => rebuildCount), [0, 0], 'the connection was not rebuilt')
  })

  labTest('the path is cut for half a minute: the connection is rebuilt, nothing lost', { timeout: 150_000 }, async (lab) => {
    const all = await apart(lab)
    all.network.cutBetween('a', 'b')
    await sleep(30_000)
    all.network.healBetween('a', 'b')
    await assertHealed(all, 40_000)
    const { rebuildCount } = await linkReport(all.a, all.b)
    assert.ok(rebuildCount > 0, `rebuilt ${rebuildCount} times`)
  })

  labTest('one side loses its whole network for 12 s, server included, nothing lost', { timeout: 150_000 }, async (lab) => {
    const all = await apart(lab)
    all.network.cut('a')
    await sleep(12_000)
    all.network.heal('a')
    await assertHealed(all, 40_000)
    const c = await lab.page(all.b.browser, { host: all.network.gateway })
    await c.join(all.address)
    await c.linkedTo(all.a, all.b)
  })

  labTest('the cable is pulled and put back', { timeout: 150_000 }, async (lab) => {
    const all = await apart(lab)
    all.network.unplug('a')
    await sleep(6_000)
    all.network.plug('a')
    await assertHealed(all, 40_000)
  })

  labTest('the address of a machine changes, as from Wi-Fi to a cable', { timeout: 150_000 }, async (lab) => {
    const all = await apart(lab)
    all.network.readdress('a', 42)
    await assertHealed(all, 60_000)
  })

  labTest('video goes on after the path was cut', { timeout: 150_000 }, async (lab) => {
    const all = await apart(lab)
    const { network, a, b } = all
    await a.run((lab) => void lab.room().addStream(lab.media.paint('red', 'red'), { label: 'red' }))
    await b.until('video', 15_000, (lab) => lab.media.seen('red')?.frames > 10)
    network.cutBetween('a', 'b')
    await a.until('a notices', 20_000, (lab, id) => lab.room().peers.get(id)?.state === 'recovering', b.id)
    await sleep(3_000)
    network.healBetween('a', 'b')
    const frames = await b.run((lab) => lab.media.seen('red').frames)
    await b.until('30 more frames', 30_000, (lab, count) => lab.media.seen('red').frames > count + 30, frames)
    await assertHealed(all, 30_000)
  })
})
