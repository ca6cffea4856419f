import assert from 'node:assert/strict'
import { beforeEach, mock, test } from 'node:test'
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { MeshError } from '../src/errors.js'
import { create, join, type Core, type Given } from '../src/join.js'
import { Kind } from '../src/machine.js'
import type { Room } from '../src/types.js'
import { FakeStream, install, turn } from './fakes/browser.js'
import { FakeMachine, type Out } from './fakes/machine.js'

interface Rig {
  readonly fake: FakeMachine
  readonly room: Room
  /** Lets the core tell something, and waits until the application has heard of it. */
  tell(...out: Out[]): Promise<void>
}

const bytes = (text: string) => new TextEncoder().encode(text)

function coreOf(fake: FakeMachine, given: Given[] = []): () => Promise<Core> {
  const machine = (how: Given) => {
    given.push(how)
    return fake.machine
  }
  const genesis = new Uint8Array(0)
  return async () => ({ machine, stateHash: (bytes) => bytes, createRoom: () => ({ address: 'https://page.example/#room.secret', genesis }) })
}

/** A room that was joined, with nobody in it. */
async function rig(): Promise<Rig> {
  const fake = new FakeMachine()
  fake.answer = ([name]) => (name === 'start' ? (_, notices) => notices.admitted() : undefined)
  const room = await join(coreOf(fake), 'kitchen', { server: 'wss://server', storage: 'memory' })
  fake.answer = undefined
  return {
    fake,
    room,
    async tell(...out) {
      fake.out.push(...out)
      // Any call makes the room drain.
      room.removeStream({} as MediaStream)
      room.presence.clear()
      do await turn()
      while (fake.out.length > 0)
    },
  }
}

/** The same with a peer whose link is open. */
async function rigWithPeer(): Promise<Rig> {
  const made = await rig()
  await made.tell(
    (_, notices) => notices.peerAdded('ada'),
    (_, notices) => notices.peerJoined('ada'),
    (_, notices) => notices.peerState('ada', 'open'),
  )
  return made
}

beforeEach(() => {
  install()
  Object.assign(globalThis, { indexedDB: new IDBFactory(), IDBKeyRange })
})

test('joinRoom resolves at admission and rejects with what the core says', async () => {
  const { room } = await rig()
  assert.equal(room.selfId, 'self')
  assert.equal(room.address, 'https://page.example/#room.secret')
  assert.equal(room.status, 'alone')
  const fake = new FakeMachine()
  fake.answer = ([name]) =>
    name === 'start' ? (_, notices) => notices.joinFailed(new MeshError('RoomFull', { limit: 64 })) : undefined
  await assert.rejects(join(coreOf(fake), 'kitchen', {}), { code: 'RoomFull', limit: 64 })
})

test('options reach the core', async () => {
  const fake = new FakeMachine()
  fake.answer = ([name]) => (name === 'start' ? (_, notices) => notices.admitted() : undefined)
  const given: Given[] = []
  await join(coreOf(fake, given), 'kitchen', {
    server: 'wss://server',
    identity: new Uint8Array(32),
    iceServers: [{ urls: 'turn:turn.example', username: 'u', credential: 'c' }],
    iceTransportPolicy: 'relay',
    timeout: 500,
  })
  assert.equal(given[0]!.server, 'wss://server')
  assert.deepEqual(given[0]!.iceServers, [{ urls: ['turn:turn.example'], username: 'u', credential: 'c' }])
  assert.equal(given[0]!.relayOnly, true)
  assert.equal(given[0]!.timeoutMs, 500)
  assert.equal(given[0]!.seed.length, 32)
})

test('options that cannot be used are refused before anything is loaded', async () => {
  const load = async (): Promise<Core> => assert.fail('loaded')
  const cases = [
    { identity: new Uint8Array(31) },
    { timeout: 0 },
    { timeout: NaN },
    { iceTransportPolicy: 'none' as RTCIceTransportPolicy },
    { passphrase: '' },
  ]
  for (const options of cases) {
    await assert.rejects(join(load, 'kitchen', options), { name: 'MeshError', code: 'InvalidArgument' })
  }
  await assert.rejects(join(load, 7 as unknown as string, {}), { code: 'InvalidArgument' })
})

test('an aborted join rejects with the reason and leaves', async () => {
  const reason = new Error('changed my mind')
  await assert.rejects(join(coreOf(new FakeMachine()), 'kitchen', { signal: AbortSignal.abort(reason) }), reason)
  const fake = new FakeMachine()
  const controller = new AbortController()
  const joining = join(coreOf(fake), 'kitchen', { signal: controller.signal })
  await turn()
  controller.abort(reason)
  await assert.rejects(joining, reason)
  assert.equal(fake.of('leave').length, 1)
})

test('without WebRTC it rejects NoWebRtc', async () => {
  Object.assign(globalThis, { RTCPeerConnection: undefined })
  await assert.rejects(join(coreOf(new FakeMachine()), 'kitchen', {}), { code: 'NoWebRtc' })
})

test('a new room is at the server named, or at the one that its page came from', async () => {
  const servers: string[] = []
  const load = async (): Promise<Core> => ({
    machine: () => assert.fail('made'),
    stateHash: (bytes) => bytes,
    createRoom({ nonce, secret, profile, server }) {
      assert.deepEqual([nonce.length, secret.length, profile.length], [16, 16, 32])
      servers.push(server)
      throw new MeshError('InvalidAddress')
    },
  })
  const page = 'https://page.example:8443/app/index.html?x=1'
  await assert.rejects(create(load, { server: 'wss://mesh.example', page }), { code: 'InvalidAddress' })
  await assert.rejects(create(load, { page }), { code: 'InvalidAddress' })
  await assert.rejects(create(load, { page: 'file:///index.html' }), { code: 'InvalidArgument' })
  await assert.rejects(create(load, {}), { code: 'InvalidArgument' })
  assert.deepEqual(servers, ['wss://mesh.example', 'https://page.example:8443'])
})

test('a passphrase opens a room by name, the same for everyone', async () => {
  const given: Given[] = []
  for (const passphrase of ['caf\u00e9', 'cafe\u0301', 'tea']) {
    const fake = new FakeMachine()
    fake.answer = ([name]) => (name === 'start' ? (_, notices) => notices.admitted() : undefined)
    await join(coreOf(fake, given), 'kitchen', { passphrase })
  }
  assert.match(given[0]!.address, /^#[\w-]{22}\.[\w-]{43}$/)
  assert.equal(given[0]!.address, given[1]!.address)
  assert.notEqual(given[0]!.address, given[2]!.address)
  const address = join(coreOf(new FakeMachine()), 'https://page/#a.b', { passphrase: 'x' })
  await assert.rejects(address, { code: 'InvalidArgument' })
})

test('peers are a new map at each change and the same in between', async () => {
  const { room, tell } = await rig()
  const maps: unknown[] = []
  room.on('peers', (peers) => maps.push(peers))
  const before = room.peers
  assert.equal(room.peers, before)
  await tell((_, notices) => notices.peerAdded('ada'))
  const ada = room.peers.get('ada')
  assert.notEqual(room.peers, before)
  assert.equal(before.size, 0)
  assert.equal(ada?.state, 'linking')
  await tell((_, notices) => notices.peerState('ada', 'open'))
  assert.equal(room.peers.get('ada'), ada)
  assert.equal(ada?.state, 'open')
  await tell((_, notices) => notices.peerLeft('ada', true, new MeshError('PeerLeft')))
  assert.equal(room.peers.size, 0)
  assert.equal(maps.length, 3)
  assert.equal(maps.at(-1), room.peers)
})

test('peerjoin and peerleave frame the time of a verified link', async () => {
  const { room, tell } = await rig()
  const seen: string[] = []
  room.on('peerjoin', (peer) => seen.push(`join ${peer.id}`))
  room.on('peerleave', (peer, reason) => seen.push(`leave ${peer.id} ${reason.code}`))
  await tell((_, notices) => {
    notices.peerAdded('ada')
    notices.peerJoined('ada')
    notices.peerLeft('ada', true, new MeshError('PeerLeft'))
    notices.peerAdded('bob')
    notices.peerLeft('bob', false, new MeshError('IceFailed'))
  })
  assert.deepEqual(seen, ['join ada', 'leave ada PeerLeft'])
})

test('a send to the room resolves with who has it', async () => {
  const { fake, room, tell } = await rigWithPeer()
  const sending = room.send('hello')
  const [ticket] = fake.of('sendText')[0] as [number]
  assert.deepEqual(fake.of('sendText')[0], [ticket, '', false, 'hello'])
  const error = new MeshError('PeerLeft', { delivery: 'unknown', peer: 'bob' })
  await tell((_, notices) => {
    notices.delivered(ticket, 'ada')
    notices.undelivered(ticket, 'bob', error)
    notices.sent(ticket)
  })
  assert.deepEqual(await sending, { delivered: ['ada'], failed: new Map([['bob', error]]) })
})

test('a send to one peer rejects with what became of it', async () => {
  const { fake, room, tell } = await rigWithPeer()
  const ada = room.peers.get('ada')!
  const [first, second] = [ada.send({ n: 1 }), ada.send(new Uint8Array([1]))]
  const refused = assert.rejects(second, { code: 'PeerRestarted', delivery: 'unknown' })
  const [one] = fake.of('sendText')[0] as [number]
  const [two] = fake.of('sendBytes')[0] as [number]
  assert.deepEqual(fake.of('sendText')[0], [one, 'ada', true, '{"n":1}'])
  await tell((_, notices) => {
    notices.delivered(one, 'ada')
    notices.sent(one)
    notices.undelivered(two, 'ada', new MeshError('PeerRestarted', { delivery: 'unknown' }))
    notices.sent(two)
  })
  await first
  await refused
})

test('a refused send rejects', async () => {
  const { fake, room, tell } = await rigWithPeer()
  const sending = assert.rejects(room.send('x'), { code: 'QueueFull', delivery: 'not-sent' })
  const [ticket] = fake.of('sendText')[0] as [number]
  await tell((_, notices) => notices.refused(ticket, new MeshError('QueueFull', { delivery: 'not-sent' })))
  await sending
})

test('an aborted send rejects with the reason and is cancelled', async () => {
  const { fake, room, tell } = await rigWithPeer()
  const controller = new AbortController()
  const reason = new Error('enough')
  const sending = assert.rejects(room.send('x', { signal: controller.signal }), reason)
  const [ticket] = fake.of('sendText')[0] as [number]
  controller.abort(reason)
  await sending
  assert.deepEqual(fake.of('cancel'), [[ticket]])
  await tell((_, notices) => notices.sent(ticket))
  await assert.rejects(room.send('y', { signal: controller.signal }), reason)
  assert.equal(fake.of('sendText').length, 1)
})

test('what follows a blob waits until it is read', async () => {
  const { fake, room } = await rigWithPeer()
  void room.send(new Blob(['abc'], { type: 'text/plain' }))
  const buffer = new Uint8Array([1])
  void room.send(buffer)
  void room.send('after')
  void room.channel('c').send('topic')
  buffer[0] = 9
  assert.deepEqual(fake.of('sendText'), [])
  await turn()
  const sends = fake.heard.filter(([name]) => String(name).startsWith('send')).map(([name, , ...given]) => [name, ...given])
  assert.deepEqual(sends, [
    ['sendBytes', '', Kind.blob, '', 'text/plain', bytes('abc')],
    // As it was at the call.
    ['sendBytes', '', Kind.bytes, '', '', new Uint8Array([1])],
    ['sendText', '', false, 'after'],
    ['sendTopicText', '', 'c', false, false, 'topic'],
  ])
})

test('a file that cannot be read rejects and does not hold up the rest', async () => {
  const { fake, room } = await rigWithPeer()
  const gone = new Blob(['x'])
  gone.arrayBuffer = () => Promise.reject(new DOMException('gone', 'NotFoundError'))
  const sending = assert.rejects(room.send(gone), { code: 'NotSerializable', delivery: 'not-sent' })
  void room.send('after')
  await sending
  assert.equal(fake.of('sendText').length, 1)
})

test('messages are kept until somebody listens', async () => {
  const { room, tell } = await rigWithPeer()
  await tell((_, notices) => {
    notices.message('ada', false, Kind.text, undefined, bytes('one'))
    notices.message('ada', true, Kind.json, undefined, bytes('{"two":2}'))
  })
  const seen: unknown[] = []
  const off = room.on('message', (data, peer, { to }) => seen.push([data, peer.id, to]))
  assert.deepEqual(seen, [])
  await turn()
  assert.deepEqual(seen, [
    ['one', 'ada', 'room'],
    [{ two: 2 }, 'ada', 'me'],
  ])
  off()
  await tell((_, notices) => notices.message('ada', true, Kind.text, undefined, bytes('three')))
  assert.equal(seen.length, 2)
})

test('messages over the bound are dropped, counted and reported', async () => {
  const { room, tell } = await rigWithPeer()
  const errors: MeshError[] = []
  room.on('error', (error) => errors.push(error))
  await tell((_, notices) => {
    for (let index = 0; index < 1_007; index++) {
      notices.message('ada', false, Kind.text, undefined, bytes(String(index)))
    }
  })
  assert.deepEqual(errors.map(({ code, limit }) => [code, limit]), [['QueueFull', 1_000]])
  const seen: unknown[] = []
  room.on('message', (data) => seen.push(data))
  await turn()
  assert.equal(seen.length, 1_000)
  assert.equal(seen[999], '999')
  assert.match(errors[1]!.message, /^7 messages/)
})

test('an error without a listener goes to the console', async () => {
  const { room, tell } = await rigWithPeer()
  const log = mock.method(console, 'error', () => undefined)
  await tell((_, notices) => notices.trouble(new MeshError('SignallingLost')))
  const errors: MeshError[] = []
  room.on('error', (error) => errors.push(error))
  await tell((_, notices) => notices.trouble(new MeshError('SignallingLost')))
  log.mock.restore()
  assert.equal(log.mock.callCount(), 1)
  assert.equal(errors[0]?.code, 'SignallingLost')
})

test('a listener that throws breaks no other', async () => {
  const { room, tell } = await rigWithPeer()
  const errors: MeshError[] = []
  const seen: unknown[] = []
  room.on('error', (error) => errors.push(error))
  room.on('message', () => {
    throw new Error('mine')
  })
  room.on('message', async () => Promise.reject(new Error('mine too')))
  room.on('message', (data) => seen.push(data))
  await turn()
  await tell((_, notices) => notices.message('ada', false, Kind.text, undefined, bytes('x')))
  assert.deepEqual(seen, ['x'])
  assert.deepEqual(errors.map(({ code }) => code), ['ListenerFailed', 'ListenerFailed'])
  assert.equal((errors[0]!.cause as Error).message, 'mine')
})

test('bytes that are not what they say are reported with the peer', async () => {
  const { room, tell } = await rigWithPeer()
  const errors: MeshError[] = []
  room.on('error', (error) => errors.push(error))
  await tell((_, notices) => notices.message('ada', false, Kind.json, undefined, bytes('{')))
  assert.deepEqual([errors[0]?.code, errors[0]?.peer], ['ProtocolViolation', 'ada'])
})

test('requests are asked and answered', async () => {
  const { fake, room, tell } = await rigWithPeer()
  const asking = room.peers.get('ada')!.request('price', { item: 'tea' }, { timeout: 5_000 })
  const [ticket] = fake.of('request')[0] as [number]
  assert.deepEqual(fake.of('request')[0], [ticket, 'ada', 'price', Kind.json, '', '', bytes('{"item":"tea"}'), 5_000])
  await tell((_, notices) => notices.answered(ticket, Kind.json, undefined, bytes('3')))
  assert.equal(await asking, 3)

  room.handle('price', async (query, peer) => ({ query, from: peer.id }))
  room.handle('nothing', () => undefined)
  await tell((_, notices) => {
    notices.asked(11, 'ada', 'price', Kind.text, undefined, bytes('tea'))
    notices.asked(12, 'ada', 'nothing', Kind.nothing, undefined, bytes(''))
    notices.asked(13, 'ada', 'unheard of', Kind.nothing, undefined, bytes(''))
  })
  assert.deepEqual(new Map(fake.of('respond').map(([request, ...given]) => [request, given])), new Map([
    [11, [Kind.json, '', '', bytes('{"query":"tea","from":"ada"}')]],
    [12, [Kind.nothing, '', '', bytes('')]],
  ]))
  assert.deepEqual(fake.of('respondNoHandler'), [[13]])
})

test('a handler that fails says so on both sides', async () => {
  const { fake, room, tell } = await rigWithPeer()
  const errors: MeshError[] = []
  room.on('error', (error) => errors.push(error))
  room.handle('price', () => {
    throw new Error('out of tea')
  })
  await tell((_, notices) => notices.asked(11, 'ada', 'price', Kind.nothing, undefined, bytes('')))
  assert.deepEqual(fake.of('respondFailed'), [[11, 'out of tea']])
  assert.equal(errors[0]?.code, 'ListenerFailed')
  assert.throws(() => room.handle('price', () => 1), { code: 'InvalidArgument' })
})

test('a withdrawn request aborts its handler and is not answered', async () => {
  const { fake, room, tell } = await rigWithPeer()
  let aborted = false
  room.handle('slow', (_, __, { signal }) => new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      aborted = true
      resolve(1)
    })
  }))
  await tell((_, notices) => notices.asked(11, 'ada', 'slow', Kind.nothing, undefined, bytes('')))
  await tell((_, notices) => notices.withdrawn(11))
  assert.ok(aborted)
  assert.deepEqual(fake.of('respond'), [])
})

test('channels go by name, and the first subscriber gets what waited', async () => {
  const { fake, room, tell } = await rigWithPeer()
  const cursor = room.channel<{ x: number }>('cursor', { reliable: false })
  cursor.send({ x: 1 }, { to: room.peers.get('ada')! })
  assert.deepEqual(fake.of('sendTopicText'), [[0, 'ada', 'cursor', true, true, '{"x":1}']])
  assert.throws(() => cursor.send({ x: NaN }), { code: 'NotSerializable' })
  await tell((_, notices) => notices.topicMessage('ada', 'cursor', Kind.json, undefined, bytes('{"x":2}')))
  const seen: unknown[] = []
  const off = cursor.subscribe((point, peer) => seen.push([point, peer.id]))
  await turn()
  assert.deepEqual(seen, [[{ x: 2 }, 'ada']])
  off()
  await tell((_, notices) => notices.topicMessage('ada', 'cursor', Kind.json, undefined, bytes('{"x":3}')))
  assert.equal(seen.length, 1)
})

test('presence is told and shown', async () => {
  const { fake, room, tell } = await rigWithPeer()
  room.presence.set({ name: 'Bob' })
  assert.deepEqual(room.presence.value, { name: 'Bob' })
  assert.deepEqual(fake.of('setPresence'), [['{"name":"Bob"}']])
  assert.throws(() => room.presence.set(new Map()), { code: 'NotSerializable' })
  const seen: unknown[] = []
  room.on('presence', (state, peer) => seen.push([state, peer.id]))
  await tell((_, notices) => notices.presence('ada', bytes('{"name":"Ada"}')))
  assert.deepEqual(room.peers.get('ada')?.presence, { name: 'Ada' })
  await tell((_, notices) => notices.presenceCleared('ada'))
  assert.deepEqual(seen, [
    [{ name: 'Ada' }, 'ada'],
    [undefined, 'ada'],
  ])
})

test('streams are shared, replaced, seen and ended', async () => {
  const { fake, room, tell } = await rigWithPeer()
  const mine = new FakeStream('mine') as unknown as MediaStream
  room.addStream(mine, { label: 'camera' })
  assert.throws(() => room.addStream(mine), { code: 'InvalidArgument' })
  const [key] = fake.of('addStream')[0] as [number]
  assert.deepEqual(fake.of('addStream'), [[key, 'mine', 'camera', '']])
  room.removeStream(mine)
  assert.deepEqual(fake.of('removeStream'), [[key]])

  const seen: unknown[] = []
  room.on('stream', (stream, peer, label) => seen.push(['stream', stream, peer.id, label]))
  room.on('streamend', (stream, peer, label) => seen.push(['streamend', stream, peer.id, label]))
  await tell((_, notices) => notices.streamAdded('ada', 'theirs', 'screen'))
  const ada = room.peers.get('ada')!
  const [[stream, label]] = [...ada.streams] as [[MediaStream, string]]
  assert.equal(label, 'screen')
  await tell((_, notices) => notices.streamRemoved('ada', 'theirs'))
  assert.equal(ada.streams.size, 0)
  assert.deepEqual(seen, [
    ['stream', stream, 'ada', 'screen'],
    ['streamend', stream, 'ada', 'screen'],
  ])
})

test('drained and diagnose resolve with their answers', async () => {
  const { fake, room, tell } = await rigWithPeer()
  const drained = room.peers.get('ada')!.drained()
  const diagnosis = room.diagnose()
  const [first] = fake.of('awaitDrained')[0] as [number]
  const [second] = fake.of('diagnose')[0] as [number]
  const report = { selfId: 'self', status: 'alone', server: 'connected', peers: [] } as const
  await tell((_, notices) => {
    notices.drained(first)
    notices.diagnosis(second, report)
  })
  await drained
  assert.equal(await diagnosis, report)
})

test('leave resolves when all is closed; calls after that reject RoomClosed', async () => {
  const { fake, room, tell } = await rigWithPeer()
  const statuses: string[] = []
  room.on('status', (status) => statuses.push(status))
  const open = assert.rejects(room.send('never settled'), { code: 'RoomClosed' })
  const leaving = room.leave()
  await tell((_, notices) => notices.closed(undefined))
  await leaving
  await open
  await room.leave()
  assert.equal(room.status, 'closed')
  assert.deepEqual(statuses, ['closed'])
  await assert.rejects(room.send('x'), { code: 'RoomClosed' })
  await assert.rejects(room.diagnose(), { code: 'RoomClosed' })
  assert.equal(fake.of('leave').length, 1)
})

test('a room that is closed by something else says why', async () => {
  const { room, tell } = await rigWithPeer()
  const errors: MeshError[] = []
  room.on('error', (error) => errors.push(error))
  await tell((_, notices) => notices.closed(new MeshError('Replaced')))
  assert.equal(errors[0]?.code, 'Replaced')
  const error = await room.send('x').then(() => undefined, (reason: MeshError) => reason)
  assert.equal((error?.cause as MeshError).code, 'Replaced')
})

test('a core that breaks closes the room with InternalFault', async () => {
  const { room, tell } = await rigWithPeer()
  const errors: MeshError[] = []
  room.on('error', (error) => errors.push(error))
  const open = assert.rejects(room.send('x'), { code: 'RoomClosed' })
  await tell(() => {
    throw new Error('unreachable executed')
  })
  await open
  assert.equal(errors[0]?.code, 'InternalFault')
  assert.equal(room.status, 'closed')
})
