// Bad input, from the caller, the server and other peers: a typed error at the right side within its deadline, and no
// effect on other links.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { labTest } from '../harness/lab.js'
import { assertCode } from '../harness/assert.js'
import { CHALLENGE, ENVELOPE, FakeServer, JOINED, Proxy, readEvent, writeEvent } from '../harness/proxy.js'

const JOIN_MS_MAX = 10_000
const SLACK_MS = 1_500

/** Two honest pages with a link between them, and what shows that it is unharmed. */
async function honest(lab, hooks) {
  const server = await lab.server()
  const proxy = hooks && (await lab.keep(new Proxy(server, hooks)).start())
  const [b, c] = [await lab.page('chromium:one'), await lab.page('chromium:two')]
  const address = await b.create(proxy ?? server)
  await Promise.all([b.join(address), c.join(address)])
  await Promise.all([b.linkedTo(c), c.linkedTo(b)])
  let round = 0
  const unharmed = async () => {
    round += 1
    await b.send({ kind: 'value', value: `b ${round}` }, { to: c.id, label: `unharmed ${round}` })
    await c.send({ kind: 'value', value: `c ${round}` }, { to: b.id, label: `unharmed ${round}` })
    await Promise.all([c.got(`b ${round}`), b.got(`c ${round}`)])
    for (const page of [b, c]) assert.equal((await page.settled(`unharmed ${round}`)).state, 'resolved')
    for (const [page, other] of [[b, c], [c, b]]) {
      assert.deepEqual(await page.run((lab, id) => lab.of('peerleave').filter(({ peer }) => peer === id), other.id), [])
    }
  }
  return { server, proxy, address, b, c, unharmed }
}

/** A client's first message, `[0, version, topic, session key, introduction, signature]`. */
const JOIN = 0
const isJoin = (bytes) => bytes[0] === 0x86 && bytes[1] === JOIN

/** Where the introduction stands in it, with its head. Units: bytes, the latter from the end. */
const INTRODUCTION = [3 + 34 + 34, -66]
const readIntroduction = (bytes) => bytes.subarray(...INTRODUCTION)
const withIntroduction = (bytes, introduction) =>
  Buffer.concat([bytes.subarray(0, INTRODUCTION[0]), introduction, bytes.subarray(INTRODUCTION[1])])

/** Waits for an `error` event about `peer` with one of `codes`. */
const troubled = (page, peer, codes, within) =>
  page.until(
    `an error with ${codes} about ${peer ?? 'anybody'}`,
    within,
    (lab, id, wanted) => lab.of('error').find(({ error }) => (!id || error.peer === id) && wanted.includes(error.code))?.error,
    peer ?? null,
    codes,
  )

labTest('a wrong room address rejects at once', { timeout: 60_000 }, async (lab) => {
  const server = await lab.server()
  const page = await lab.page('chromium:one')
  const good = await page.create(server)
  const [, room, secret] = /#([\w-]+)\.([\w-]+)/.exec(good)
  const wrong = [
    'http://127.0.0.1:1/',
    `${server.url}/#`,
    `${server.url}/#short.short`,
    `${server.url}/#${room}`,
    `${server.url}/#${room}.`,
    `${server.url}/#${room}.${secret.slice(0, -4)}`,
    `${server.url}/#${room.slice(0, -4)}.${secret}`,
    `${server.url}/#${room}.${secret}*`,
    `${server.url}/#${'A'.repeat(5_000)}`,
    `${server.url}/some/path#${room}.${secret}`,
    'ftp://example/#AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA',
    '',
  ]
  for (const address of wrong) {
    const { ok, error, ms } = await page.tryJoin(address)
    assert.ok(!ok, `joined ${address.slice(0, 80)}`)
    assertCode(error, 'InvalidAddress', 'InvalidArgument')
    assert.ok(ms < 1_000, `${ms} ms for ${address.slice(0, 80)}`)
  }
})

labTest('an unreachable server, a silent one and one that is something else reject within 10 s', { timeout: 60_000 }, async (lab) => {
  const server = await lab.server()
  const page = await lab.page('chromium:one')
  const good = await page.create(server)
  const elsewhere = (port) => good.replaceAll(String(server.port), String(port))
  const sockets = []
  const silent = createServer((socket) => sockets.push(socket))
  await new Promise((resolve) => silent.listen(0, '127.0.0.1', resolve))
  await lab.keep({ close: () => (sockets.forEach((socket) => socket.destroy()), silent.close()) })
  const other = await lab.keep(new FakeServer((socket) => socket.send('welcome to my chat'))).start()
  const site = await lab.site()
  const results = await Promise.all(
    [['nobody listens', 9], ['silent', silent.address().port], ['a page server', site.port], ['a chat', other.port]].map(async ([what, port]) => ({
      what,
      ...(await page.tryJoin(elsewhere(port), { name: what })),
    })),
  )
  for (const { what, ok, error, ms } of results) {
    assert.ok(!ok, what)
    assertCode(error, ...(what === 'a chat' ? ['ServerProtocol'] : ['ServerUnreachable']))
    assert.ok(ms < JOIN_MS_MAX + SLACK_MS, `${what}: ${ms} ms`)
  }
  const quick = await page.tryJoin(elsewhere(silent.address().port), { name: 'quick', timeout: 700 })
  assert.ok(quick.ms > 600 && quick.ms < 700 + SLACK_MS, `timeout of 700 ms took ${quick.ms} ms`)
  const aborted = await page.run(async (lab, to) => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('never mind')), 100)
    return lab.meshlace.joinRoom(to, { signal: controller.signal }).then(() => null, lab.failure)
  }, elsewhere(silent.address().port))
  assert.equal(aborted.message, 'never mind')
})

labTest('a signal of 17 KiB is refused with its limit, and others do not notice', { timeout: 60_000 }, async (lab) => {
  const { address, c, b, unharmed } = await honest(lab)
  const page = await lab.page('chromium:one', { before: ['large-signal'] })
  const { ok, error, ms } = await page.tryJoin(address)
  assert.ok(!ok)
  assertCode(error, 'SignalTooLarge', 'ServerProtocol', 'ServerRefused')
  assert.ok(ms < JOIN_MS_MAX + SLACK_MS)
  await unharmed()
  assert.deepEqual(await Promise.all([b, c].map((one) => one.run((lab) => lab.room().peers.size))), [1, 1])
})

labTest('a forged hello opens no link and is reported', { timeout: 90_000 }, async (lab) => {
  const { address, b, c, unharmed } = await honest(lab)
  const liar = await lab.page('chromium:two', { before: ['forge'] })
  await liar.run(() => void (globalThis.forge = 'flip'))
  await liar.join(address)
  for (const page of [b, c]) assertCode(await troubled(page, liar.id, ['HelloRejected'], 30_000), 'HelloRejected')
  assert.ok((await liar.run(() => globalThis.forged)) > 0)
  for (const page of [b, c]) assert.deepEqual(await page.run((lab, id) => lab.of('peerjoin').filter(({ peer }) => peer === id), liar.id), [])
  await unharmed()
})

labTest('a peer that claims another key in its hello opens no link and is reported', { timeout: 90_000 }, async (lab) => {
  const { address, b, c, unharmed } = await honest(lab)
  const liar = await lab.page('chromium:two', { before: ['forge'] })
  await liar.run((_lab, id) => void (globalThis.forge = id), c.id)
  await liar.join(address)
  assertCode(await troubled(b, liar.id, ['HelloRejected', 'ProtocolViolation'], 30_000), 'HelloRejected', 'ProtocolViolation')
  await b.send({ kind: 'value', value: 'for c alone' }, { to: c.id })
  await c.got('for c alone')
  assert.deepEqual(await liar.run((lab) => lab.of('message')), [])
  await unharmed()
})

labTest('a peer that claims another key in its introduction is nobody, and is reported', { timeout: 90_000 }, async (lab) => {
  const introductions = []
  const { address, b, c, unharmed } = await honest(lab, {
    toServer: (bytes, { connection }) => {
      if (!isJoin(bytes)) return bytes
      introductions[connection] = readIntroduction(bytes)
      // The first made the room, b and c are the next two: the fourth shows the introduction of the third as its own. Its
      // proof to the server is over a session key of its own, and holds.
      return connection === 4 ? withIntroduction(bytes, introductions[3]) : bytes
    },
  })
  const liar = await lab.page('chromium:two')
  await liar.join(address)
  for (const page of [b, c]) {
    const error = await troubled(page, null, ['ProtocolViolation'], 10_000)
    assert.equal(error.expected, 'a signed introduction')
    assert.deepEqual(await page.run((lab) => [...lab.room().peers.keys()]), [page === b ? c.id : b.id])
  }
  await b.send({ kind: 'value', value: 'for c alone' }, { to: c.id })
  await c.got('for c alone')
  assert.deepEqual(await liar.run((lab) => [lab.of('peerjoin'), lab.of('message')]), [[], []])
  await unharmed()
})

labTest('a second DTLS fingerprint that the sender sealed is refused by those who receive it', { timeout: 90_000 }, async (lab) => {
  const { address, b, c, unharmed } = await honest(lab)
  const liar = await lab.page('chromium:two', { before: ['bent-description'] })
  await liar.join(address)
  for (const page of [b, c]) {
    const error = await troubled(page, liar.id, ['ProtocolViolation'], 20_000)
    assert.deepEqual([error.expected, error.found], ['one DTLS fingerprint', 'a second fingerprint'])
  }
  assert.ok((await liar.run(() => globalThis.bent)) > 0)
  for (const page of [b, c]) assert.deepEqual(await page.run((lab, id) => lab.of('peerjoin').filter(({ peer }) => peer === id), liar.id), [])
  await unharmed()
})

labTest('a description with a second DTLS fingerprint is refused by its own core too', { timeout: 90_000 }, async (lab) => {
  const { address, b, c, unharmed } = await honest(lab)
  const liar = await lab.page('chromium:two', { before: ['second-fingerprint'] })
  await liar.join(address)
  for (const page of [b, c]) assertCode(await troubled(liar, page.id, ['WebRtcFailed'], 20_000), 'WebRtcFailed')
  for (const page of [b, c]) assert.deepEqual(await page.run((lab, id) => lab.of('peerjoin').filter(({ peer }) => peer === id), liar.id), [])
  await unharmed()
})

labTest('of two live instances of one key the older is replaced and stops', { timeout: 90_000 }, async (lab) => {
  const { address, b, c, unharmed } = await honest(lab)
  const identity = Array.from({ length: 32 }, (_, index) => index + 1)
  const [older, newer] = [await lab.page('chromium:one'), await lab.page('chromium:two')]
  await older.join(address, { identity })
  await Promise.all([older.linkedTo(b, c), b.linkedTo(older)])
  await newer.join(address, { identity })
  assert.equal(newer.id, older.id)
  await Promise.all([newer.linkedTo(b, c), b.linkedTo(newer)])
  assertCode(await troubled(older, null, ['Replaced'], 20_000), 'Replaced')
  await older.until('the older stops', 10_000, (lab) => lab.room().status === 'closed')
  await b.send({ kind: 'value', value: 'for the newer' }, { to: newer.id })
  await newer.got('for the newer')
  assert.deepEqual(await older.run((lab) => lab.of('message').filter(({ value }) => value === 'for the newer')), [])
  await unharmed()
})

labTest('a server of another protocol version rejects with both versions', { timeout: 60_000 }, async (lab) => {
  const server = await lab.server()
  const page = await lab.page('chromium:one')
  const good = await page.create(server)
  const newer = await lab.keep(
    new FakeServer((socket) => socket.send(Buffer.from([0x84, CHALLENGE, 2, 3, 0x50, ...new Uint8Array(16)]))),
  ).start()
  const { ok, error, ms } = await page.tryJoin(good.replaceAll(String(server.port), String(newer.port)))
  assert.ok(!ok)
  assertCode(error, 'VersionMismatch')
  assert.match(String(error.expected), /1/)
  assert.match(String(error.found), /2/)
  assert.ok(ms < 2_000, `${ms} ms`)
})

/** The acknowledgement of events, which the real server must not see while a liar counts for it. */
const ACK = 4
const isAck = (bytes) => bytes[0] === 0x82 && bytes[1] === ACK

labTest('envelopes and introductions that the server replays change nothing', { timeout: 90_000 }, async (lab) => {
  const kept = []
  const counts = new Map()
  // Each event comes twice, under numbers that follow one another as they should: only the seal can tell.
  const numbered = (event, connection) => {
    counts.set(connection, (counts.get(connection) ?? 0) + 1)
    return writeEvent(event, counts.get(connection))
  }
  const { proxy, address, b, c, unharmed } = await honest(lab, {
    toServer: (bytes) => (isAck(bytes) ? undefined : bytes),
    toPage: (bytes, { connection }) => {
      const event = readEvent(bytes)
      if (!event) return bytes
      if (event.kind !== JOINED && event.kind !== ENVELOPE) return numbered(event, connection)
      kept.push({ event, connection })
      return [numbered(event, connection), numbered(event, connection)]
    },
  })
  await unharmed()
  const d = await lab.page('chromium:two')
  await d.join(address)
  await Promise.all([d.linkedTo(b, c), b.linkedTo(d), c.linkedTo(d)])
  await d.close()
  for (const page of [b, c]) await page.until('d has left', 5_000, (lab, id) => lab.of('peerleave').some(({ peer }) => peer === id), d.id)
  // The introduction and the signals of the peer that left are played once more to those who stayed.
  assert.ok(kept.length > 4, `only ${kept.length} events to replay`)
  proxy.replay(kept.map(({ event, connection }) => ({ connection, bytes: numbered(event, connection) })))
  await unharmed()
  for (const page of [b, c]) {
    assert.equal(await page.run((lab, id) => lab.of('peerjoin').filter(({ peer }) => peer === id).length, d.id), 1, 'd joined once')
    assert.equal(await page.run((lab) => lab.open().length), 1)
  }
})

labTest('an envelope altered by the server is refused and reported, and the next one is heard', { timeout: 90_000 }, async (lab) => {
  let altering = 0
  const { address, b, c, unharmed } = await honest(lab, {
    toPage: (bytes, { connection }) => {
      if (altering === 0 || readEvent(bytes)?.kind !== ENVELOPE || connection > 3) return bytes
      altering -= 1
      const altered = Buffer.from(bytes)
      altered[altered.length - 3] ^= 4
      return altered
    },
  })
  altering = 2
  const d = await lab.page('chromium:two')
  await d.join(address)
  await Promise.all([d.linkedTo(b, c), b.linkedTo(d), c.linkedTo(d)])
  assert.equal(altering, 0, 'no envelope was altered')
  const errors = (await Promise.all([b, c].map((page) => page.run((lab) => lab.of('error'))))).flat()
  assert.ok(errors.length >= 1, 'the altered envelope was not reported')
  for (const { error } of errors) assertCode(error, 'ProtocolViolation', 'ServerProtocol')
  await unharmed()
})

labTest('a server that sends 17 KiB is reported and left, and links stay', { timeout: 90_000 }, async (lab) => {
  const links = []
  const { b, c, unharmed } = await honest(lab, {
    toPage: (bytes, link) => {
      links[link.connection] = link
      return bytes
    },
  })
  links.at(-1).toPage(Buffer.alloc(17 * 1024, 1))
  const found = await Promise.any(
    [b, c].map((page) => page.until('the server is reported', 10_000, (lab) => lab.of('error').map(({ error }) => error).find(Boolean))),
  )
  assertCode(found, 'SignallingLost')
  assert.match(found.found, /does not speak this protocol/)
  await unharmed()
  // The real server is behind the liar, and is found again.
  for (const page of [b, c]) {
    await page.until('the server is back', 10_000, async (lab) => (await lab.room().diagnose()).server === 'connected')
  }
})
