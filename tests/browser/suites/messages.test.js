// Everything that can be sent, how it arrives, and what is refused before it is sent.
// Trap: "over 16 MB buffered closes the channel silently".
import assert from 'node:assert/strict'
import { labTest } from '../harness/lab.js'
import { assertAll, assertCode } from '../harness/assert.js'
import { expected } from '../page/payload.js'

const MIB = 1024 * 1024
const PAIR = ['chromium:one', 'chromium:two']

labTest('a message of 20 MB and 10,000 small ones arrive once and in order', { timeout: 120_000 }, async (lab) => {
  const { pages: [a, b] } = await lab.mesh(...PAIR)
  const big = { kind: 'Uint8Array', count: 20_000_000, seed: 7 }
  await a.run((lab) => lab.sendMany(0, 5_000))
  await a.send(big, { label: 'big' })
  await a.run((lab) => lab.sendMany(5_000, 5_000))
  await b.until('10,001 messages', 90_000, (lab) => lab.of('message').length >= 10_001)
  assertAll(await b.numbers(a.id), 10_000)
  const received = await b.run((lab) => lab.of('message').map(({ body }, index) => body && { index, ...body }).filter(Boolean))
  assert.deepEqual(received, [{ index: 5_000, ...expected(big) }])
  for (const label of ['big', '0', '9999']) assert.equal((await a.settled(label)).state, 'resolved')
  const unsettled = (await a.outcomes()).filter(({ state }) => state !== 'resolved')
  assert.deepEqual(unsettled, [])
})

labTest('60 MiB in one turn never fill the channel, which stays open', { timeout: 120_000 }, async (lab) => {
  const server = await lab.server()
  const a = await lab.page(PAIR[0], { before: ['buffered'] })
  const b = await lab.page(PAIR[1])
  const address = await a.create(server)
  await Promise.all([a.join(address), b.join(address)])
  await Promise.all([a.linkedTo(b), b.linkedTo(a)])
  await a.run((lab) => {
    for (let n = 0; n < 3; n += 1) lab.send({ kind: 'Uint8Array', count: 20 * 1024 * 1024, seed: n + 1 }, { label: `big ${n}` })
  })
  for (let n = 0; n < 3; n += 1) assert.equal((await a.settled(`big ${n}`, 90_000)).state, 'resolved')
  const { most, closed } = await a.run(() => globalThis.buffered)
  assert.ok(most > 64 * 1024, `only ${most} bytes were ever buffered: the figure is not the real one`)
  assert.ok(most < 4 * MIB, `${most} bytes were buffered at once`)
  assert.equal(closed, 0, 'channels closed')
  const sums = await b.run((lab) => lab.of('message').map(({ body }) => body.sum))
  assert.deepEqual(sums, [1, 2, 3].map((seed) => expected({ kind: 'Uint8Array', count: 20 * MIB, seed }).sum))
})

const recipes = [
  { kind: 'string', count: 300_000 },
  { kind: 'ArrayBuffer', count: 70_001 },
  { kind: 'Uint8Array', count: 0 },
  { kind: 'Uint8Array', count: 9 },
  { kind: 'Float64Array', count: 1_000 },
  { kind: 'view', count: 5_000, seed: 3 },
  { kind: 'Blob', count: 100_000, type: 'image/png' },
  { kind: 'Blob', count: 12 },
  { kind: 'File', count: 1_000_000, name: 'caf\u00e9 \u{1f578}.txt', type: 'text/plain' },
  { kind: 'File', count: 32 * MIB, name: 'largest.bin', type: 'application/octet-stream' },
]

for (const places of [PAIR, ['chromium:one', 'firefox:one'], ['firefox:one', 'chromium:one']]) {
  const between = places.map((place) => place.split(':')[0]).join(' to ')

  labTest(`bytes of every kind, from ${between}`, { timeout: 120_000 }, async (lab) => {
    const { pages: [a, b] } = await lab.mesh(...places)
    for (const [index, recipe] of recipes.entries()) await a.send(recipe, { label: `kind ${index}` })
    const got = await b.until(
      'all kinds',
      90_000,
      (lab, count) => {
        const bodies = lab.of('message').map(({ body }) => body)
        return bodies.length >= count && bodies.every(({ kind, sum }) => kind === 'string' || sum !== undefined) && bodies
      },
      recipes.length,
    )
    assert.deepEqual(got, recipes.map((recipe) => expected(recipe)))
    for (const index of recipes.keys()) assert.equal((await a.settled(`kind ${index}`)).state, 'resolved')
  })

  labTest(`JSON values as they were, from ${between}`, { timeout: 60_000 }, async (lab) => {
    const { pages: [a, b] } = await lab.mesh(...places)
    const values = ['', 'text', 'z\u0000\u{1f578}', 0, -1.5, 1e300, true, false, null, [], {}, { a: [1, { b: null }], '': 'empty key' }]
    for (const value of values) await a.send({ kind: 'value', value })
    const got = await b.until('all values', 10_000, (lab, count) => {
      const lines = lab.of('message')
      return lines.length >= count && lines.map(({ value }) => value)
    }, values.length)
    assert.deepEqual(got, values)
  })
}

labTest('what cannot be sent is refused before it is sent, with the path', { timeout: 60_000 }, async (lab) => {
  const { pages: [a, b] } = await lab.mesh(...PAIR)
  const refusals = await a.run(async (lab) => {
    const circle = { name: 'circle' }
    circle.self = circle
    const wrong = {
      nan: { deep: [1, NaN] }, undefined: { x: undefined }, bigint: { x: 1n }, map: new Map(), function: { f: () => {} },
      infinity: [Infinity], symbol: Symbol('s'), date: { x: new Date() }, circle, nothing: undefined,
    }
    const found = {}
    for (const [name, value] of Object.entries(wrong)) {
      try {
        await lab.room().send(value)
        found[name] = { sent: true }
      } catch (error) {
        found[name] = lab.failure(error)
      }
    }
    return found
  })
  for (const [name, error] of Object.entries(refusals)) {
    assert.ok(!error.sent, `${name} was sent`)
    assertCode(error, 'NotSerializable')
    assert.equal(error.delivery, 'not-sent', name)
  }
  assert.match(refusals.nan.message, /deep/)
  const large = await a.run((lab) => lab.room().send(new Uint8Array(32 * 1024 * 1024 + 1)).then(() => null, lab.failure))
  assertCode(large, 'MessageTooLarge')
  assert.deepEqual([large.limit, large.delivery], [32 * MIB, 'not-sent'])
  const unknown = await a.run((lab) => lab.peerOf([...lab.room().peers.keys()][0]).request('nobody', 1).then(() => null, lab.failure))
  assertCode(unknown, 'NoHandler')
  await a.send({ kind: 'value', value: 'and the link lives' })
  await b.got('and the link lives')
  assert.equal(await b.run((lab) => lab.of('message').length), 1)
})

labTest('a full queue refuses before anything is sent, and empties', { timeout: 120_000 }, async (lab) => {
  const { pages: [a, b] } = await lab.mesh(...PAIR)
  await a.run((lab) => {
    for (let n = 0; n < 6; n += 1) lab.send({ kind: 'Uint8Array', count: 15 * 1024 * 1024, seed: n + 1 }, { label: `q${n}`, to: [...lab.room().peers.keys()][0] })
  })
  for (const n of [4, 5]) {
    const refused = await a.settled(`q${n}`)
    assertCode(refused.error, 'QueueFull')
    assert.equal(refused.error.delivery, 'not-sent')
  }
  await a.run((lab) => [...lab.room().peers.values()][0].drained())
  for (const n of [0, 1, 2, 3]) assert.equal((await a.settled(`q${n}`, 60_000)).state, 'resolved')
  assert.equal(await b.run((lab) => lab.of('message').length), 4)
})

labTest('requests are answered, refused, timed out and cancelled', { timeout: 60_000 }, async (lab) => {
  const { pages: [a, b] } = await lab.mesh(...PAIR)
  await b.run((lab) => {
    lab.room().handle('price', ({ item }) => ({ item, price: item.length }))
    lab.room().handle('slow', () => new Promise(() => {}))
    lab.room().handle('broken', () => { throw new Error('the till is jammed') })
    lab.room().handle('bytes', (data) => data.map((one) => one + 1))
  })
  const answers = await a.run(async (lab, id) => {
    const peer = lab.peerOf(id)
    const outcome = (promise) => promise.then((value) => ({ value }), (error) => ({ error: lab.failure(error) }))
    const started = performance.now()
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('changed my mind')), 100)
    const [price, slow, broken, bytes, cancelled] = await Promise.all([
      outcome(peer.request('price', { item: 'pear' })),
      outcome(peer.request('slow', 1, { timeout: 500 })),
      outcome(peer.request('broken', 1)),
      outcome(peer.request('bytes', Uint8Array.of(1, 2)).then((data) => [...data])),
      outcome(peer.request('slow', 1, { signal: controller.signal })),
    ])
    return { price, slow, broken, bytes, cancelled, ms: performance.now() - started }
  }, b.id)
  assert.deepEqual(answers.price, { value: { item: 'pear', price: 4 } })
  assert.deepEqual(answers.bytes, { value: [2, 3] })
  assertCode(answers.slow.error, 'RequestTimeout')
  assertCode(answers.broken.error, 'HandlerFailed')
  assert.equal(answers.cancelled.error.message, 'changed my mind')
  assert.ok(answers.ms < 5_000)
  const many = await a.run(async (lab, id) => {
    const peer = lab.peerOf(id)
    const items = Array.from({ length: 200 }, (_, index) => 'x'.repeat(index))
    const prices = await Promise.all(items.map((item) => peer.request('price', { item })))
    return prices.every(({ price }, index) => price === index)
  }, b.id)
  assert.ok(many, '200 requests at once each got their own answer')
})

labTest('an unreliable channel delivers the latest, also to a page that subscribes later', { timeout: 60_000 }, async (lab) => {
  const { pages: [a, b] } = await lab.mesh(...PAIR)
  const listen = (lab) => {
    const channel = lab.room().channel('cursor', { reliable: false })
    channel.subscribe((point, peer) => lab.note('point', { room: 'room', peer: peer.id, point }))
    globalThis.cursor = channel
  }
  await b.run(listen)
  await a.run(listen)
  await a.run(() => {
    let x = 0
    globalThis.moving = setInterval(() => globalThis.cursor.send({ x: (x += 1), y: 0 }), 10)
  })
  await b.until('100 points', 15_000, (lab) => lab.of('point').length >= 100)
  await a.run(() => clearInterval(globalThis.moving))
  const points = await b.run((lab) => lab.of('point').map(({ point }) => point.x))
  assert.equal(new Set(points).size, points.length, 'no point twice')
  assert.ok(await b.run((lab, id) => lab.of('point').every(({ peer }) => peer === id), a.id))
})

labTest('a reliable channel keeps every message, in order, apart from room messages', { timeout: 60_000 }, async (lab) => {
  const { pages: [a, b] } = await lab.mesh(...PAIR)
  await b.run((lab) => lab.room().channel('moves').subscribe((move) => lab.note('move', { room: 'room', move })))
  await a.run((lab) => {
    const moves = lab.room().channel('moves')
    for (let n = 0; n < 500; n += 1) moves.send(n)
  })
  await b.until('500 moves', 15_000, (lab) => lab.of('move').length >= 500)
  assertAll(await b.run((lab) => lab.of('move').map(({ move }) => move)), 500)
  assert.equal(await b.run((lab) => lab.of('message').length), 0)
})

labTest('presence reaches those present and those who come later', { timeout: 60_000 }, async (lab) => {
  const { server, address, pages: [a, b] } = await lab.mesh(...PAIR)
  assert.ok(server)
  await a.run((lab) => lab.room().presence.set({ name: 'Ada', at: [1, 2] }))
  await b.until('presence of a', 5_000, (lab, id) => lab.of('presence').some(({ peer, state }) => peer === id && state?.name === 'Ada'), a.id)
  const c = await lab.page('chromium:one')
  await c.join(address)
  const state = await c.until('presence of a, for a newcomer', 10_000, (lab, id) => lab.of('presence').find(({ peer }) => peer === id), a.id)
  assert.deepEqual(state.state, { name: 'Ada', at: [1, 2] })
  await a.run((lab) => lab.room().presence.set({ name: 'Grace' }))
  for (const page of [b, c]) await page.until('the new presence', 5_000, (lab) => lab.of('presence').some((line) => line.state?.name === 'Grace'))
})

labTest('messages that came before the first listener are kept for it', { timeout: 60_000 }, async (lab) => {
  const server = await lab.server()
  const [a, b] = [await lab.page(PAIR[0]), await lab.page(PAIR[1])]
  const address = await a.create(server)
  await b.run(async (lab, to) => {
    lab.rooms.room = await lab.meshlace.joinRoom(to)
  }, address)
  await a.join(address)
  await a.until('the link', 15_000, (lab) => lab.open().length === 1)
  await a.run((lab) => lab.sendMany(0, 50))
  assert.equal((await a.settled('49')).state, 'resolved')
  await b.run((lab) => lab.watch('room', lab.room()))
  await b.until('50 messages', 5_000, (lab) => lab.numbers().length >= 50)
  assertAll(await b.numbers(), 50)
})

labTest('a send that is cancelled before it left rejects with the reason and does not arrive', { timeout: 60_000 }, async (lab) => {
  const { pages: [a, b] } = await lab.mesh(...PAIR)
  const outcome = await a.run(async (lab, id) => {
    const controller = new AbortController()
    const peer = lab.peerOf(id)
    const sending = peer.send('cancelled', { signal: controller.signal })
    controller.abort(new Error('not after all'))
    return sending.then(() => null, lab.failure)
  }, b.id)
  await a.send({ kind: 'value', value: 'after' })
  await b.got('after')
  const got = await b.run((lab) => lab.of('message').map(({ value }) => value))
  // Either it was still here and the reason comes back, or it had left and resolves: never both.
  assert.deepEqual(got, outcome === null ? ['cancelled', 'after'] : ['after'])
  if (outcome) assert.equal(outcome.message, 'not after all')
})
