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
labTest('600 joins and leaves leave no connection unclosed', { timeout: 240_000 }, async (lab) => {
  const server = await lab.server()
  const a = await lab.page('chromium:one', { before: ['connections'] })
  const b = await lab.page('chromium:two', { before: ['connections'] })
  const address = await a.create(server)
  await a.join(address)
  for (let done = 0; done < 600; done += 20) {
    await b.run(
      async (lab, to, first) => {
        // Four at a time: each is a peer of its own in this page, and links with a and with the three others.
        for (let round = 0; round < 5; round += 1) {
          await Promise.all(
            Array.from({ length: 4 }, async (_, index) => {
              const name = `visit ${first + round * 4 + index}`
              const room = await lab.meshlace.joinRoom(to)
              lab.rooms[name] = room
              await lab.until('(lab, name) => lab.open(name).length > 0', [name], 20_000)
              await room.leave()
              delete lab.rooms[name]
            }),
          )
        }
      },
      address,
      done,
    )
  }
  await a.until('everybody has left', 10_000, (lab) => lab.room().peers.size === 0)
  for (const page of [a, b]) {
    const { made, open } = await page.until('all connections close', 10_000, () => {
      const open = globalThis.connections.open()
      return open === 0 && { made: globalThis.connections.made, open }
    })
    assert.ok(made >= 600, `${page.name} made ${made} connections`)
    assert.equal(open, 0)
  }
  assert.equal(await a.run((lab) => lab.room().status), 'alone')
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
