import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { Driver, type Application } from '../src/driver.js'
import { makeSpare } from '../src/spare.js'
import { FakeConnection, install, turn } from './fakes/browser.js'
import { FakeMachine } from './fakes/machine.js'

const SERVERS = [{ urls: ['stun:stun.example'] }]

function rig(): { fake: FakeMachine; driver: Driver } {
  const fake = new FakeMachine()
  return { fake, driver: new Driver(fake.machine, { settle: () => undefined } as unknown as Application) }
}

async function connect(servers: RTCIceServer[], relayOnly = false, { fake, driver } = rig()): Promise<FakeMachine> {
  fake.out.push((effects) => effects.createConnection(7, 'peer', servers, relayOnly))
  driver.input((machine) => machine.tick())
  await turn()
  return fake
}

beforeEach(install)
afterEach(() => Object.assign(globalThis, { addEventListener: undefined }))

test('one spare connection is made, with its first channel and without servers, and the first link takes it', async () => {
  makeSpare()
  makeSpare()
  assert.equal(FakeConnection.made.length, 1)
  const [spare] = FakeConnection.made as [FakeConnection]
  assert.deepEqual(spare.configuration, { iceServers: [], iceTransportPolicy: 'all', bundlePolicy: 'max-bundle' })
  assert.deepEqual(spare.channels.map(({ label }) => label), ['control'])
  const fake = await connect([])
  assert.equal(FakeConnection.made.length, 1)
  assert.deepEqual(spare.log, [])
  spare.channels[0]!.onopen!()
  assert.deepEqual(fake.heard.at(-1), ['channelOpened', 7, 0])
  // The next one is made when it is needed.
  await connect([])
  assert.equal(FakeConnection.made.length, 2)
})

test('a spare connection is given its servers when it is taken', async () => {
  makeSpare()
  await connect(SERVERS, true)
  const [spare] = FakeConnection.made as [FakeConnection]
  assert.equal(FakeConnection.made.length, 1)
  assert.deepEqual(spare.configuration, { iceServers: SERVERS, iceTransportPolicy: 'relay', bundlePolicy: 'max-bundle' })
})

test('one that refuses its servers is closed, and the core hears what the browser says of a new one', async () => {
  makeSpare()
  const [spare] = FakeConnection.made as [FakeConnection]
  FakeConnection.refuses = () => new Error('no such server')
  const made = rig()
  await connect(SERVERS, false, made)
  assert.ok(spare.closed)
  assert.equal(FakeConnection.made.length, 1)
  made.fake.out.push((effects) => effects.describe(7, 1))
  made.driver.input((machine) => machine.tick())
  await turn()
  assert.deepEqual(made.fake.heard.at(-1), ['operationFailed', 7, 1, 'Error: no such server'])
})

test('that it needs negotiation is told once it is taken, whenever it was said', async () => {
  for (const isEarly of [true, false]) {
    install()
    makeSpare()
    const [spare] = FakeConnection.made as [FakeConnection]
    if (isEarly) spare.onnegotiationneeded!()
    const fake = await connect([])
    if (!isEarly) {
      spare.onnegotiationneeded!()
      await turn()
    }
    assert.equal(fake.heard.filter(([name]) => name === 'negotiationNeeded').length, 1)
  }
})

test('it is closed with the page', async () => {
  const listeners: [string, () => void][] = []
  Object.assign(globalThis, { addEventListener: (name: string, listener: () => void) => listeners.push([name, listener]) })
  makeSpare()
  assert.deepEqual(listeners.map(([name]) => name), ['pagehide'])
  listeners[0]![1]()
  assert.ok(FakeConnection.made[0]!.closed)
  await connect([])
  assert.equal(FakeConnection.made.length, 2)
})

test('where the browser makes none now, nothing is said until one is needed', async () => {
  FakeConnection.refuses = () => new Error('not now')
  makeSpare()
  FakeConnection.refuses = undefined
  await connect([])
  assert.equal(FakeConnection.made.length, 1)
})
