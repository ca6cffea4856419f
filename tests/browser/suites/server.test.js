// P4: the server is off the path. Killed, it takes nothing with it; back, it introduces newcomers to those who stayed.
import assert from 'node:assert/strict'
import { labTest } from '../harness/lab.js'
import { assertAll, assertHonest, assertCode } from '../harness/assert.js'

labTest('the server is killed: data and video go on; it comes back: newcomers join without a reload', { timeout: 120_000 }, async (lab) => {
  const { server, address, pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
  await a.run((lab) => void lab.room().addStream(lab.media.paint('red', 'red'), { label: 'red' }))
  await b.until('video', 15_000, (lab) => lab.media.seen('red')?.frames > 10)
  await a.run((lab) => lab.pumpStart({ everyMs: 20 }))
  await b.until('messages', 5_000, (lab) => lab.numbers().length > 10)

  await server.kill()
  const before = await b.run((lab) => ({ frames: lab.media.seen('red').frames, count: lab.numbers().length }))
  await b.until('100 more frames and 200 more messages without a server', 30_000,
    (lab, past) => lab.media.seen('red').frames > past.frames + 100 && lab.numbers().length > past.count + 200, before)
  assert.deepEqual(await a.run((lab) => lab.open().length), 1)
  // A stream added now finds its way over the link itself.
  await b.run((lab) => void lab.room().addStream(lab.media.paint('blue', 'blue'), { label: 'blue' }))
  await a.until('a new stream without a server', 15_000, (lab) => lab.media.seen('blue')?.frames > 10)

  await server.restart()
  const c = await lab.page('chromium:one')
  const started = Date.now()
  await c.join(address)
  await Promise.all([a, b, c].map((page) => page.linkedTo(...[a, b, c].filter((other) => other !== page))).map((wait) => wait))
  const ms = Date.now() - started
  assert.ok(ms < 20_000, `the newcomer took ${ms} ms`)
  await c.until('video for the newcomer', 15_000, (lab) => lab.media.seen('red')?.frames > 10)
  await c.send({ kind: 'value', value: 'hello from the newcomer' })
  await Promise.all([a.got('hello from the newcomer'), b.got('hello from the newcomer')])
  const outcomes = await a.run((lab) => lab.pumpStop())
  await a.until('all settle', 10_000, (lab) => lab.outcomes().every(({ state }) => state !== 'pending'))
  const received = await b.numbers(a.id)
  assertAll(received, outcomes.length)
  assertHonest(await a.outcomes(), received)
})

labTest('the server is stopped by Ctrl-C: it ends cleanly, links go on, and the room says so', { timeout: 60_000 }, async (lab) => {
  const { server, pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
  assert.equal(await server.stop(), 0)
  await a.send({ kind: 'value', value: 'no server' })
  await b.got('no server')
  assert.equal(await b.run((lab) => lab.of('peerleave').length), 0)
})

labTest('a message sent in the same tick while the server is away waits for the newcomer link', { timeout: 60_000 }, async (lab) => {
  const server = await lab.server()
  const [a, b] = [await lab.page('chromium:one'), await lab.page('chromium:two')]
  const address = await a.create(server)
  await a.join(address)
  await server.kill()
  // Alone and without a server: offline, and back by itself.
  await a.until('status offline', 30_000, (lab) => lab.room().status === 'offline')
  const refused = await b.tryJoin(address, { timeout: 1_500 })
  assertCode(refused.error, 'ServerUnreachable')
  await server.restart()
  await a.until('status alone', 30_000, (lab) => lab.room().status === 'alone')
  await b.join(address, { first: 'after the server came back' })
  await a.got('after the server came back')
})

labTest('sockets dropped in the middle of an introduction lose no signal', { timeout: 60_000 }, async (lab) => {
  const { Proxy } = await import('../harness/proxy.js')
  const server = await lab.server()
  let dropped = 0
  const proxy = await lab.keep(new Proxy(server, {
    // What follows a page's joining or resuming tears its socket, as a bad mobile network does, four times in all.
    toServer: (bytes, link) => {
      link.count = (link.count ?? 0) + 1
      if (link.count === 2 && dropped < 4) {
        dropped += 1
        link.tear()
        return undefined
      }
      return bytes
    },
  })).start()
  const [a, b] = [await lab.page('chromium:one'), await lab.page('chromium:two')]
  const address = (await a.create(server)).replaceAll(String(server.port), String(proxy.port))
  await Promise.all([a.join(address), b.join(address)])
  await Promise.all([a.linkedTo(b), b.linkedTo(a)])
  assert.equal(dropped, 4, 'sockets torn')
  assert.deepEqual(await a.run((lab) => lab.of('peerleave')), [])
})
