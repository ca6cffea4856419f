// Rows of the design's table of traps that only a real browser can show.
import assert from 'node:assert/strict'
import { labTest } from '../harness/lab.js'
import { assertAll } from '../harness/assert.js'

// Trap: "garbage-collected connection or channel" (w3c/webrtc-pc #2624).
labTest('links survive garbage collection under memory pressure', { timeout: 60_000 }, async (lab) => {
  const browser = await lab.browser('chromium', { args: ['--js-flags=--expose-gc'] })
  const { pages: [a, b] } = await lab.mesh(browser, 'chromium:one')
  await a.run(async () => {
    for (let round = 0; round < 20; round += 1) {
      // Garbage to collect, and turns in which the collector's finalisers run.
      globalThis.waste = Array.from({ length: 200 }, () => new Uint8Array(100_000).buffer)
      globalThis.waste = undefined
      globalThis.gc()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })
  await Promise.all([a, b].map((page) => page.run((lab) => lab.sendMany(0, 200))))
  await a.until('200 messages', 10_000, (lab) => lab.numbers().length >= 200)
  await b.until('200 messages', 10_000, (lab) => lab.numbers().length >= 200)
  assertAll(await a.numbers(b.id), 200)
  assertAll(await b.numbers(a.id), 200)
  assert.deepEqual(await b.run((lab) => lab.of('peerleave')), [])
})

// Trap: "500 connections per Chrome process, uncollected ones included: always close()".
labTest('520 joins and leaves leave no connection unclosed', { timeout: 240_000 }, async (lab) => {
  const server = await lab.server()
  const a = await lab.page('chromium:one', { before: ['connections'] })
  const b = await lab.page('chromium:two', { before: ['connections'] })
  const names = ['r0', 'r1', 'r2', 'r3']
  const addresses = []
  for (const name of names) {
    addresses.push(await a.create(server))
    await a.join(addresses.at(-1), { name })
  }
  // In four rooms at once, one visit after the other: join, link, leave.
  await b.run(async (lab, given) => {
    const visit = async (to, name) => {
      lab.rooms[name] = await lab.meshlace.joinRoom(to)
      await lab.until('(lab, name) => lab.open(name).length > 0', [name], 20_000)
      await lab.rooms[name].leave()
    }
    await Promise.all(
      given.map(async (to, index) => {
        for (let round = 0; round < 130; round += 1) await visit(to, `r${index}`)
      }),
    )
  }, addresses)
  await a.until('everybody has left', 10_000, (lab, all) => all.every((name) => lab.room(name).status === 'alone'), names)
  for (const page of [a, b]) {
    const made = await page.until('all connections close', 10_000, () => globalThis.connections.open() === 0 && globalThis.connections.made)
    assert.ok(made >= 520, `${page.name} made ${made} connections`)
  }
})

// Trap: "open on one side only; data events never fire": a peer whose channels open and carry nothing.
labTest('a channel that is open and carries nothing is never reported as an open link', { timeout: 90_000 }, async (lab) => {
  const server = await lab.server()
  const [b, c] = [await lab.page('chromium:one'), await lab.page('chromium:two')]
  const mute = await lab.page('chromium:two', { before: ['mute'] })
  const address = await b.create(server)
  await Promise.all([b.join(address), c.join(address)])
  await Promise.all([b.linkedTo(c), c.linkedTo(b)])
  await mute.join(address)
  const error = await b.until(
    'the mute peer is reported',
    60_000,
    (lab, id) => lab.of('error').find((line) => line.error.peer === id && ['HelloTimeout', 'ChannelTimeout'].includes(line.error.code)),
    mute.id,
  )
  assert.ok(error)
  assert.deepEqual(await b.run((lab, id) => lab.of('peerjoin').filter(({ peer }) => peer === id), mute.id), [])
  await b.send({ kind: 'value', value: 'we two' }, { to: c.id })
  await c.got('we two')
})

// Trap: "candidates before the remote description": the answerer is slow to apply the offer, and candidates overtake it.
labTest('candidates that come before the description is applied are kept for it', { timeout: 60_000 }, async (lab) => {
  const server = await lab.server()
  const a = await lab.page('chromium:one', { before: ['slow-description'] })
  const b = await lab.page('chromium:two', { before: ['slow-description'] })
  const address = await a.create(server)
  await Promise.all([a.join(address), b.join(address)])
  await Promise.all([a.linkedTo(b), b.linkedTo(a)])
  await a.send({ kind: 'value', value: 'in the end' })
  await b.got('in the end')
})
