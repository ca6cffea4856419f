import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { Driver, type Application } from '../src/driver.js'
import type { MeshError } from '../src/errors.js'
import { FakeConnection, FakeSocket, FakeStream, install, turn } from './fakes/browser.js'
import { FakeMachine } from './fakes/machine.js'

interface Rig {
  readonly fake: FakeMachine
  readonly driver: Driver
  readonly troubles: MeshError[]
  readonly broken: unknown[]
  /** What the application does when it is told what happened, once each. */
  readonly settled: (() => void)[]
}

function rig(): Rig {
  const fake = new FakeMachine()
  const troubles: MeshError[] = []
  const broken: unknown[] = []
  const settled: (() => void)[] = []
  const application = {
    trouble: (error: MeshError) => troubles.push(error),
    broken: (cause: unknown) => broken.push(cause),
    settle: () => settled.shift()?.(),
  } as unknown as Application
  return { fake, driver: new Driver(fake.machine, application), troubles, broken, settled }
}

const SERVERS = [{ urls: ['stun:stun.example'] }]

/** A rig with connection 7 and all its channels made. */
async function connected(): Promise<Rig & { connection: FakeConnection }> {
  const made = rig()
  made.fake.out.push((effects) => {
    effects.createConnection(7, 'peer', SERVERS, false)
    effects.openChannel(7, 1)
    effects.openChannel(7, 2)
  })
  made.driver.input((machine) => machine.tick())
  await turn()
  return { ...made, connection: FakeConnection.made[0]! }
}

beforeEach(install)

test('inputs are fed at once and drained once at the end of the turn', async () => {
  const { fake, driver } = rig()
  for (let index = 0; index < 100; index++) driver.input((machine) => machine.applied(1, index))
  assert.equal(fake.heard.length, 100)
  assert.equal(fake.drainCount, 0)
  await Promise.resolve()
  assert.equal(fake.drainCount, 1)
})

test('sends of one turn with awaits in between share one more drain', async () => {
  const { fake, driver } = rig()
  for (let index = 0; index < 100; index++) {
    driver.input((machine) => machine.applied(1, index))
    await null
  }
  assert.equal(fake.drainCount, 1)
  while (fake.drainCount === 1) await turn()
  assert.equal(fake.drainCount, 2)
  // The next turn starts with a microtask again.
  for (let count = 0; count < 10; count++) await turn()
  driver.input((machine) => machine.tick())
  await Promise.resolve()
  assert.equal(fake.drainCount, 3)
})

test('the end of a turn is waited for only where there is a second drain', async ({ mock }) => {
  let nowMs = 0
  let asked = 0
  mock.method(performance, 'now', () => nowMs)
  mock.method(MessagePort.prototype, 'postMessage', () => (asked += 1))
  const { fake, driver } = rig()
  const event = () => driver.input((machine) => machine.tick(), true)
  const counted = async () => {
    driver.input((machine) => machine.applied(1, 2))
    await null
    return { drained: fake.drainCount, asked }
  }
  assert.deepEqual(await counted(), { drained: 1, asked: 0 })
  // In the turn of an event there is a first drain again, however soon it comes.
  event()
  assert.deepEqual(await counted(), { drained: 3, asked: 0 })
  assert.deepEqual(await counted(), { drained: 3, asked: 1 })
  // And in whatever comes later.
  event()
  assert.deepEqual(await counted(), { drained: 5, asked: 1 })
  nowMs += 1
  assert.deepEqual(await counted(), { drained: 6, asked: 1 })
})

test('what is due at once waits for the answer, which goes out in the same turn', async () => {
  for (const awaits of [0, 1, 4]) {
    const { fake, driver, settled } = rig()
    fake.answer = ([name]) => {
      // A frame is to be acknowledged at once; an answer carries that, or the next tick.
      fake.deadline = name === 'frameReceived' ? 0 : -1
      return undefined
    }
    settled.push(async () => {
      for (let step = 0; step < awaits; step++) await null
      driver.input((machine) => machine.applied(1, 2))
    })
    driver.input((machine) => machine.frameReceived(1, 0, new Uint8Array(1)), true)
    await turn()
    assert.deepEqual(fake.heard.map(([name]) => name), ['frameReceived', 'applied'])
    assert.equal(fake.drainCount, 2)
  }
})

test('what is due at once is done in the same turn where nobody answers', async () => {
  const { fake, driver } = rig()
  fake.answer = ([name]) => {
    fake.deadline = name === 'frameReceived' ? 0 : -1
    return undefined
  }
  driver.input((machine) => machine.frameReceived(1, 0, new Uint8Array(1)), true)
  for (let step = 0; step < 10; step++) await null
  assert.deepEqual(fake.heard.map(([name]) => name), ['frameReceived', 'tick'])
})

test('a connection has three negotiated channels with handlers before the turn ends', async () => {
  const { connection } = await connected()
  assert.deepEqual(
    connection.channels.map(({ label, init }) => [label, init.id, init.negotiated, init.ordered, init.maxRetransmits]),
    [
      ['control', 0, true, true, undefined],
      ['bulk', 1, true, true, undefined],
      ['lossy', 2, true, false, 0],
    ],
  )
  assert.deepEqual(
    connection.channels.map((channel) => channel.bufferedAmountLowThreshold),
    [16 * 1024, 128 * 1024, 16 * 1024],
  )
  for (const channel of connection.channels) {
    assert.equal(channel.binaryType, 'arraybuffer')
    assert.ok(channel.onopen && channel.onclose && channel.onmessage && channel.onbufferedamountlow)
  }
})

test('a connection has control alone until another channel is asked for, and one refused is reported closed', async () => {
  const { fake, driver } = rig()
  fake.out.push((effects) => effects.createConnection(7, 'peer', SERVERS, false))
  driver.input((machine) => machine.tick())
  await turn()
  const connection = FakeConnection.made[0]!
  const labels = () => connection.channels.map(({ label }) => label)
  assert.deepEqual(labels(), ['control'])
  fake.out.push((effects) => {
    effects.openChannel(7, 2)
    // Of a connection that is gone: nothing happens.
    effects.openChannel(8, 1)
  })
  driver.input((machine) => machine.tick())
  await turn()
  assert.deepEqual(labels(), ['control', 'lossy'])
  connection.channels[1]!.onopen!()
  connection.createDataChannel = () => {
    throw new Error('InvalidStateError: closed')
  }
  fake.out.push((effects) => effects.openChannel(7, 1))
  driver.input((machine) => machine.tick())
  await turn()
  assert.deepEqual([fake.of('channelOpened'), fake.of('channelClosed')], [[[7, 2]], [[7, 1]]])
  fake.out.push((effects) => effects.closeConnection(7))
  driver.input((machine) => machine.tick())
  await turn()
  assert.ok(connection.channels.every(({ onopen, onmessage }) => onopen === null && onmessage === null))
})

test('frames go to their channel, and its fill is told once after the drain', async () => {
  const { fake, driver, connection } = await connected()
  fake.out.push((effects) => {
    for (let index = 0; index < 5; index++) effects.sendFrame(7, 0, new Uint8Array(2_000))
    effects.sendFrame(7, 1, new Uint8Array(100_000))
  })
  driver.input((machine) => machine.tick())
  await turn()
  assert.equal(connection.channels[0]!.sent.length, 5)
  assert.deepEqual(fake.of('buffered'), [
    [7, 0, 10_000],
    [7, 1, 100_000],
  ])
})

test('the fill of a channel is told after every 8 KiB, not after every frame', async () => {
  const { fake, driver } = await connected()
  for (let index = 1; index <= 20; index++) {
    fake.out.push((effects) => effects.sendFrame(7, 0, new Uint8Array(1_024)))
    driver.input((machine) => machine.tick())
    await turn()
    assert.equal(fake.of('buffered').length, Math.floor(index / 8), `${index} frames`)
  }
})

test('frames that the told fill lets go follow in the same turn', async () => {
  const { fake, driver, connection } = await connected()
  fake.out.push((effects) => effects.sendFrame(7, 1, new Uint8Array(9_000)))
  fake.answer = ([name]) =>
    name === 'buffered' && connection.channels[1]!.sent.length < 4
      ? (effects) => effects.sendFrame(7, 1, new Uint8Array(9_000))
      : undefined
  driver.input((machine) => machine.tick())
  await Promise.resolve()
  assert.equal(connection.channels[1]!.sent.length, 4)
})

test('a channel that refuses a frame is reported closed', async () => {
  const { fake, driver, connection } = await connected()
  connection.channels[1]!.full = true
  fake.out.push((effects) => effects.sendFrame(7, 1, new Uint8Array(1)))
  driver.input((machine) => machine.tick())
  await turn()
  assert.deepEqual(fake.of('channelClosed'), [[7, 1]])
  assert.deepEqual(fake.of('buffered'), [])
})

test('events of a connection reach the machine', async () => {
  const { fake, connection } = await connected()
  const [control] = connection.channels
  control!.onopen!()
  control!.onmessage!({ data: new Uint8Array([1, 2]).buffer })
  control!.bufferedAmount = 3
  control!.onbufferedamountlow!()
  connection.onnegotiationneeded!()
  connection.iceConnectionState = 'connected'
  connection.connectionState = 'connecting'
  connection.onconnectionstatechange!()
  connection.onicecandidate!({
    candidate: { candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0, usernameFragment: null },
  })
  connection.onicecandidate!({ candidate: { candidate: '' } })
  connection.onicecandidate!({ candidate: null })
  connection.onicecandidateerror!({ url: 'stun:x', errorCode: 701, errorText: 'unreachable' })
  control!.onclose!()
  assert.deepEqual(fake.heard.slice(1), [
    ['channelOpened', 7, 0],
    ['frameReceived', 7, 0, new Uint8Array([1, 2])],
    ['buffered', 7, 0, 3],
    ['negotiationNeeded', 7],
    ['transportChanged', 7, 2, 1],
    ['candidateGathered', 7, 'candidate:1', '0', 0, undefined],
    ['gatheringDone', 7],
    ['gatheringFailed', 7, 'stun:x', 701, 'unreachable'],
    ['channelClosed', 7, 0],
  ])
})

test('that a path is looked for is told only where there was one', async () => {
  const { fake, connection } = await connected()
  const states = (ice: RTCIceConnectionState, state: RTCPeerConnectionState) => {
    Object.assign(connection, { iceConnectionState: ice, connectionState: state })
    connection.oniceconnectionstatechange!()
  }
  states('checking', 'new')
  states('checking', 'connecting')
  assert.deepEqual(fake.of('transportChanged'), [])
  states('connected', 'connecting')
  states('disconnected', 'disconnected')
  states('checking', 'connecting')
  assert.deepEqual(fake.of('transportChanged'), [
    [7, 2, 1],
    [7, 4, 3],
    [7, 1, 1],
  ])
})

test('descriptions come back with their tickets, and so do failures', async () => {
  const { fake, driver, connection } = await connected()
  fake.out.push((effects) => effects.describe(7, 1))
  driver.input((machine) => machine.tick())
  await turn()
  fake.out.push((effects) => effects.apply(7, 2, false, 'v=0 remote'))
  driver.input((machine) => machine.tick())
  await turn()
  connection.failures.push(new Error('bad description'))
  fake.out.push((effects) => effects.apply(7, 3, true, 'nonsense'))
  driver.input((machine) => machine.tick())
  await turn()
  assert.deepEqual(fake.of('described'), [[7, 1, true, 'v=0 local']])
  assert.deepEqual(fake.of('applied'), [[7, 2]])
  assert.deepEqual(fake.of('operationFailed'), [[7, 3, 'Error: bad description']])
})

test('a refused candidate is no failure', async () => {
  const { fake, driver, connection } = await connected()
  fake.out.push((effects) => effects.addCandidate(7, 'candidate:1', '0', 0, undefined))
  driver.input((machine) => machine.tick())
  await turn()
  assert.equal(connection.candidates.length, 1)
  assert.deepEqual(fake.of('operationFailed'), [])
})

test('an ICE restart uses the new servers', async () => {
  const { fake, driver, connection } = await connected()
  fake.out.push((effects) => effects.restartIce(7, [{ urls: ['turn:new.example'] }], true))
  driver.input((machine) => machine.tick())
  await turn()
  assert.deepEqual(connection.log, ['configure', 'restart'])
  assert.deepEqual(connection.configuration.iceServers, [{ urls: ['turn:new.example'] }])
  assert.equal(connection.configuration.iceTransportPolicy, 'relay')
})

test('a closed connection is closed in the browser and says nothing more', async () => {
  const { fake, driver, connection } = await connected()
  fake.out.push((effects) => {
    effects.describe(7, 1)
    effects.closeConnection(7)
  })
  driver.input((machine) => machine.tick())
  await turn()
  assert.ok(connection.closed)
  assert.equal(connection.channels[0]!.onmessage, null)
  assert.deepEqual(fake.of('described'), [])
})

test('a connection that the browser refuses to make fails its first operation', async () => {
  FakeConnection.refuses = () => new Error('no WebRTC here')
  const { fake, driver, troubles } = rig()
  fake.out.push((effects) => {
    effects.createConnection(7, 'peer', SERVERS, false)
    effects.describe(7, 1)
  })
  driver.input((machine) => machine.tick())
  await turn()
  assert.deepEqual(fake.of('operationFailed'), [[7, 1, 'Error: no WebRTC here']])
  assert.deepEqual(troubles, [])
})

test('a connection is asked for again while the browser counts those it has not collected', async () => {
  let room = -3
  FakeConnection.refuses = () => {
    room += 1
    return room < 0 ? new DOMException('Cannot create so many PeerConnections', 'UnknownError') : undefined
  }
  const { fake, driver } = rig()
  fake.out.push((effects) => effects.createConnection(7, 'peer', SERVERS, false))
  driver.input((machine) => machine.tick())
  await turn()
  assert.equal(room, 0)
  assert.equal(FakeConnection.made.length, 1)
  assert.deepEqual(fake.of('operationFailed'), [])
})

test('figures of the selected pair are read', async () => {
  const { fake, driver } = await connected()
  fake.out.push((effects) => effects.readStats(7, 4))
  driver.input((machine) => machine.tick())
  await turn()
  assert.deepEqual(fake.of('stats'), [[7, 4, 'host', 'srflx', 'udp', 12, 10, 20]])
})

test('a socket is opened, read, written and closed', async () => {
  const { fake, driver } = rig()
  fake.out.push((effects) => effects.openSocket(1, 'wss://server/meshlace/v1'))
  driver.input((machine) => machine.start())
  await turn()
  const [socket] = FakeSocket.made
  assert.equal(socket!.binaryType, 'arraybuffer')
  socket!.readyState = 1
  socket!.onopen!()
  socket!.onmessage!({ data: new Uint8Array([9]).buffer })
  fake.out.push((effects) => effects.sendSocket(1, new Uint8Array([5])))
  socket!.onmessage!({ data: 'text' })
  assert.equal(socket!.sent.length, 1, 'at once')
  socket!.onclose!()
  assert.deepEqual(fake.of('socketOpened'), [[1]])
  assert.deepEqual(fake.of('socketReceived'), [
    [1, new Uint8Array([9])],
    [1, new TextEncoder().encode('text')],
  ])
  assert.deepEqual(socket!.sent, [new Uint8Array([5])])
  assert.deepEqual(fake.of('socketClosed'), [[1]])
})

test('an address that the browser refuses outright counts as closed', async () => {
  const { fake, driver } = rig()
  fake.out.push((effects) => effects.openSocket(1, 'bad:address'))
  driver.input((machine) => machine.start())
  await turn()
  assert.deepEqual(fake.of('socketClosed'), [[1]])
})

test('one timer follows the next deadline', async () => {
  const { fake, driver } = rig()
  fake.deadline = 30
  driver.input((machine) => machine.start())
  await turn()
  fake.deadline = 10
  driver.input((machine) => machine.applied(1, 1))
  await new Promise((resolve) => setTimeout(resolve, 60))
  driver.close()
  const ticks = fake.heard.flatMap(([name], index) => (name === 'tick' ? [fake.times[index]!] : []))
  assert.ok(ticks.length >= 1 && ticks[0]! >= 9, `ticks at ${ticks}`)
})

test('tracks are sent, replaced and taken off by stream', async () => {
  const { fake, driver, connection } = await connected()
  const [first, second] = [{ kind: 'video' }, { kind: 'video' }] as unknown as MediaStreamTrack[]
  driver.setStream({ key: 1, stream: new FakeStream() as unknown as MediaStream, tracks: [first!] })
  fake.out.push((effects) => effects.attachStream(7, 1))
  driver.input((machine) => machine.tick())
  await turn()
  assert.deepEqual(connection.senders.map(({ track }) => track), [first])
  await driver.replaceTrack(first!, second!)
  assert.deepEqual(connection.senders[0]!.replaced, [second])
  fake.out.push((effects) => effects.detachStream(7, 1))
  driver.input((machine) => machine.tick())
  await turn()
  assert.equal(connection.senders[0]!.track, null)
})

test('a remote stream stays one object over rebuilt connections', async () => {
  const { fake, driver, connection } = await connected()
  const [old, next] = [{ id: 'old' }, { id: 'next' }]
  connection.ontrack!({ track: old, streams: [new FakeStream('media')] })
  const seen = driver.remote.announce('peer', 'media')
  assert.deepEqual(seen.getTracks(), [old])
  fake.out.push((effects) => effects.apply(7, 1, true, 'v=0 with a track'))
  driver.input((machine) => machine.tick())
  await turn()
  fake.out.push((effects) => {
    effects.createConnection(8, 'peer', SERVERS, false)
    effects.closeConnection(7)
  })
  driver.input((machine) => machine.tick())
  await turn()
  FakeConnection.made[1]!.ontrack!({ track: next, streams: [new FakeStream('media')] })
  fake.out.push((effects) => effects.apply(8, 1, true, 'v=0 with another'))
  driver.input((machine) => machine.tick())
  await turn()
  assert.equal(driver.remote.announce('peer', 'media'), seen)
  assert.deepEqual(seen.getTracks(), [next])
  assert.deepEqual(fake.of('trackArrived'), [
    [7, 'media'],
    [8, 'media'],
  ])
})

test('the tracks of one description are told of together, once it is applied', async () => {
  const { fake, driver, connection } = await connected()
  const stream = new FakeStream('media')
  connection.ontrack!({ track: { id: 'sound' }, streams: [stream] })
  await turn()
  assert.deepEqual(fake.of('trackArrived'), [])
  connection.ontrack!({ track: { id: 'picture' }, streams: [stream] })
  fake.out.push((effects) => effects.apply(7, 1, true, 'v=0 with two tracks'))
  driver.input((machine) => machine.tick())
  await turn()
  assert.deepEqual(fake.of('trackArrived'), [[7, 'media']])
  assert.equal(driver.remote.announce('peer', 'media').getTracks().length, 2)
})

test('streams that were never announced go with their connection', async () => {
  const { fake, driver, connection } = await connected()
  const track = { id: 'unasked' }
  connection.ontrack!({ track, streams: [new FakeStream('media')] })
  fake.out.push((effects) => effects.closeConnection(7))
  driver.input((machine) => machine.tick())
  await turn()
  assert.deepEqual(driver.remote.announce('peer', 'media').getTracks(), [])
})

test('a core that breaks is reported once and not called again', async () => {
  const { fake, driver, broken } = rig()
  fake.out.push(() => {
    throw new Error('unreachable')
  })
  driver.input((machine) => machine.start())
  await turn()
  driver.input((machine) => machine.tick())
  await turn()
  assert.equal(broken.length, 1)
  assert.deepEqual(fake.of('tick'), [])
})

test('closing the driver closes everything it holds', async () => {
  const { fake, driver, connection } = await connected()
  fake.out.push((effects) => effects.openSocket(1, 'wss://server'))
  driver.input((machine) => machine.tick())
  await turn()
  driver.close()
  assert.ok(connection.closed)
  assert.ok(FakeSocket.made[0]!.closed)
})
