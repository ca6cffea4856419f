// A room's ledger over a machine that only lists blocks, and an IndexedDB in memory.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, beforeEach, mock, test } from 'node:test'
import { IDBFactory, IDBKeyRange, IDBObjectStore, IDBTransaction } from 'fake-indexeddb'
import { MeshError } from '../src/errors.js'
import { create, join, type Core, type Founding } from '../src/join.js'
import { IndexedStorage } from '../src/storage/indexed.js'
import { encodeActions } from '../src/store/actions.js'
import { pageTime } from '../src/store/time.js'
import type { Block, Divergence, StoreOptions } from '../src/ledger/types.js'
import type { JoinOptions, Room } from '../src/types.js'
import { install, turn } from './fakes/browser.js'
import { LedgerMachine } from './fakes/ledger-machine.js'
import { FakeItems, FakeLocks } from './fakes/locks.js'

let locks: FakeLocks

// The ports by which turns end keep no process alive.
const alive = setInterval(() => undefined, 1_000)
after(() => clearInterval(alive))

beforeEach(() => {
  install()
  timers.clear()
  locks = new FakeLocks()
  Object.assign(globalThis, { indexedDB: new IDBFactory(), IDBKeyRange, localStorage: new FakeItems(), sessionStorage: new FakeItems() })
  Object.defineProperty(globalThis, 'navigator', { value: { locks: locks.manager }, configurable: true })
})

// Time passes only while a test is idle: however slow the machine is, nothing becomes late.
const { later } = pageTime
let nowMs = 0
const timers = new Set<{ readonly run: () => void; readonly atMs: number }>()
mock.method(pageTime, 'now', () => nowMs)
mock.method(pageTime, 'later', (run: () => void, delayMs: number) => {
  if (delayMs <= 0) return later(run, 0)
  const timer = { run, atMs: nowMs + delayMs }
  timers.add(timer)
  return () => timers.delete(timer)
})

/** Ten seconds pass, and what is under way in storage ends. */
async function idle(): Promise<void> {
  for (let step = 0; step < 20; step++) {
    nowMs += 500
    for (const timer of timers) {
      if (timer.atMs > nowMs) continue
      timers.delete(timer)
      timer.run()
    }
    await turn()
  }
}

const ADDRESS = 'https://page.example/#room.secret'

const list: StoreOptions<string[], { type: string; text: string }> = {
  version: 1,
  initial: [],
  reduce: (state, action) => [...state, action.text],
}

const add = (text: string) => ({ type: 'add', text })
const payload = (...texts: string[]) => encodeActions(texts.map((text) => ({ store: 'board', action: add(text) })))

interface Page {
  readonly fake: LedgerMachine
  readonly room: Room
  readonly errors: MeshError[]
}

const stateHash = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest())

function coreOf(fake: LedgerMachine): () => Promise<Core> {
  return async () => ({ machine: () => fake.machine, createRoom: () => assert.fail('made'), stateHash })
}

async function open(options: JoinOptions = {}, fake = new LedgerMachine()): Promise<Page> {
  // Each page is a tab of its own.
  Object.assign(globalThis, { sessionStorage: new FakeItems() })
  const room = await join(coreOf(fake), ADDRESS, options)
  const errors: MeshError[] = []
  room.on('error', (error) => errors.push(error))
  return { fake, room, errors }
}

/** Lets the core tell what a test has put in, and waits for storage. */
async function settle({ room }: Page): Promise<void> {
  room.presence.clear()
  await turn()
  await turn()
}

async function leave(page: Page): Promise<void> {
  page.fake.out.push((_, notices) => notices.closed(undefined))
  await settle(page)
}

test('what is dispatched is stored before its receipt says so, and is there after a reload', async () => {
  const first = await open()
  const board = first.room.store('board', list)
  const receipt = board.dispatch(add('a'))
  board.dispatch(add('b'))
  assert.deepEqual(board.getState(), ['a', 'b'])
  await receipt.stored
  assert.equal(first.fake.storedCount, 1)
  assert.equal((await receipt.written).length, 43)
  assert.deepEqual(first.fake.opened!.stored, true)
  await leave(first)
  const second = await open()
  assert.deepEqual(second.room.store('board', list).getState(), ['a', 'b'])
  assert.deepEqual(second.fake.opened!.profile, first.fake.opened!.profile)
  assert.equal(second.fake.opened!.slot, 0)
  assert.equal(second.fake.opened!.clean, true)
  assert.deepEqual(second.errors, [])
})

test('a page that is left with a block on its way to disk writes on as the same author, if the block came there', async () => {
  const commit = mock.method(IDBTransaction.prototype, 'commit')
  const commitCount = () => commit.mock.callCount()
  Object.assign(globalThis, { window: new EventTarget(), document: new EventTarget() })
  try {
    const first = await open()
    const board = first.room.store('board', list)
    await board.dispatch(add('a')).stored
    const before = commitCount()
    let isStored = false
    void board.dispatch(add('b')).stored.then(() => (isStored = true))
    globalThis.window.dispatchEvent(new Event('pagehide'))
    assert.deepEqual([isStored, commitCount()], [false, before + 1])
  } finally {
    commit.mock.restore()
    Object.assign(globalThis, { window: undefined, document: undefined })
  }
  // Its locks end with it.
  Object.defineProperty(globalThis, 'navigator', { value: { locks: new FakeLocks().manager }, configurable: true })
  const second = await open()
  assert.deepEqual(second.room.store('board', list).getState(), ['a', 'b'])
  assert.deepEqual([second.fake.opened!.slot, second.fake.opened!.clean], [0, true])
})

test('two pages of one profile write from two slots, under one profile', async () => {
  const one = await open()
  const two = await open()
  assert.deepEqual([one.fake.opened!.slot, two.fake.opened!.slot], [0, 1])
  assert.deepEqual(one.fake.opened!.profile, two.fake.opened!.profile)
})

test('who comes while the storage is still being read is told of once the room is there', async () => {
  const fake = new LedgerMachine()
  fake.answer = ([name]) => {
    if (name !== 'start') return undefined
    return (_, notices) => {
      notices.admitted()
      notices.peerAdded('a peer')
      notices.peerJoined('a peer')
      notices.status('connected')
    }
  }
  const room = await join(coreOf(fake), ADDRESS, {})
  const heard: string[] = []
  room.on('peerjoin', (peer) => heard.push(peer.id))
  room.on('status', (status) => heard.push(status))
  assert.deepEqual([...room.peers.keys()], ['a peer'])
  await idle()
  assert.deepEqual(heard, ['a peer', 'connected'])
})

test('in memory nothing is stored: receipts say so, and nothing is reported', async () => {
  const page = await open({ storage: 'memory' })
  await settle(page)
  const { written, stored } = page.room.store('board', list).dispatch(add('a'))
  await written
  await assert.rejects(stored, { code: 'StorageRefused' })
  assert.equal(page.fake.opened!.stored, false)
  assert.deepEqual(page.errors, [])
})

test('where storage is refused the room goes on in memory and says so', async () => {
  Object.assign(globalThis, { indexedDB: undefined })
  const heard = mock.method(console, 'error', () => undefined)
  const page = await open()
  heard.mock.restore()
  await settle(page)
  assert.equal((heard.mock.calls[0]?.arguments[0] as MeshError | undefined)?.code ?? page.errors[0]?.code, 'StorageRefused')
  const board = page.room.store('board', list)
  await assert.rejects(board.dispatch(add('a')).stored, { code: 'StorageRefused' })
  await settle(page)
  assert.deepEqual(board.getState(), ['a'])
})

test('a full disk is reported once, fails the receipts, and the room goes on', async () => {
  const page = await open()
  const board = page.room.store('board', list)
  const { prototype } = (await import('fake-indexeddb')).IDBObjectStore
  const full = mock.method(prototype, 'add', () => {
    throw new DOMException('the disk is full', 'QuotaExceededError')
  })
  await assert.rejects(board.dispatch(add('a')).stored, { code: 'StorageFull' })
  await assert.rejects(board.dispatch(add('b')).stored, { code: 'StorageFull' })
  full.mock.restore()
  await settle(page)
  assert.deepEqual(page.errors.map(({ code }) => code).slice(0, 1), ['StorageFull'])
  assert.deepEqual(board.getState(), ['a', 'b'])
})

test('blocks of others are folded where they stand', async () => {
  const page = await open()
  const board = page.room.store('board', list)
  page.fake.put(payload('c'), 0)
  page.fake.put(payload('a', 'b'), 0)
  await settle(page)
  await turn()
  assert.deepEqual(board.getState(), ['a', 'b', 'c'])
  // A store that is opened later has them too.
  assert.equal(page.room.store('other', { ...list, initial: ['none'] }).getState()[0], 'none')
})

test('what cannot be read has no effect and is reported once', async () => {
  const page = await open()
  const board = page.room.store('board', list)
  page.fake.put(Uint8Array.of(1, 2, 3), 0)
  page.fake.put(payload('a'), 1)
  page.fake.put(Uint8Array.of(9), 2, 1, 4)
  await settle(page)
  page.fake.put(payload('first'), 0)
  await settle(page)
  await idle()
  assert.deepEqual(board.getState(), ['first', 'a'])
  assert.deepEqual(page.errors.map(({ code }) => code), ['ActionsMalformed'])
})

test('seenBy counts peers that hold the block', async () => {
  const page = await open()
  const board = page.room.store('board', list)
  await board.dispatch(add('a')).written
  const receipt = board.dispatch(add('b'))
  await receipt.written
  const heard: number[] = []
  void receipt.seenBy(1).then(() => heard.push(1))
  void receipt.seenBy(2).then(() => heard.push(2))
  page.fake.out.push((_, notices) => notices.ledgerSeen('ada', 0, 1))
  await settle(page)
  assert.deepEqual(heard, [])
  page.fake.out.push((_, notices) => notices.ledgerSeen('ada', 0, 2))
  page.fake.out.push((_, notices) => notices.ledgerSeen('ada', 0, 2))
  await settle(page)
  assert.deepEqual(heard, [1])
  page.fake.out.push((_, notices) => notices.ledgerSeen('bob', 0, 5))
  await settle(page)
  assert.deepEqual(heard, [1, 2])
  await receipt.seenBy(2)
  const reason = new Error('enough')
  await assert.rejects(receipt.seenBy(3, { signal: AbortSignal.abort(reason) }), reason)
  const waiting = assert.rejects(receipt.seenBy(3), { code: 'RoomClosed' })
  await leave(page)
  await waiting
})

test('blocks come in order, with who wrote what, and each once however the order moves', async () => {
  const page = await open()
  for (let at = 0; at < 600; at++) page.fake.put(payload(String(at)), at, at % 2)
  await settle(page)
  const blocks: Block[] = []
  for await (const block of page.room.ledger.blocks()) {
    blocks.push(block)
    if (blocks.length === 300) {
      page.fake.put(payload('late'), 10)
      await settle(page)
    }
  }
  assert.equal(blocks.length, 601)
  assert.equal(new Set(blocks.map(({ id }) => id)).size, 601)
  const { parents, check, ...second } = blocks[1]!
  assert.deepEqual([parents(), check(), blocks[0]!.parents()], [[blocks[0]!.id], 2, []])
  assert.deepEqual(second, {
    id: blocks[1]!.id,
    author: Buffer.from(new Uint8Array(32).fill(2)).toString('base64url'),
    member: Buffer.from(new Uint8Array(32).fill(12)).toString('base64url'),
    seq: 0,
    height: 2,
    index: 1,
    actions: [{ store: 'board', action: add('1') }],
    wallTime: new Date(1_001 + 2 ** 32),
  })
  const froms: number[] = []
  const off = page.room.ledger.subscribe((from) => froms.push(from))
  page.fake.put(payload('last'), 601)
  await settle(page)
  off()
  page.fake.put(payload('very last'), 602)
  await settle(page)
  assert.deepEqual(froms, [601])
  const own = []
  for await (const { author } of page.room.ledger.blocks({ author: blocks[0]!.member, from: 100 })) own.push(author)
  assert.equal(own.length, 250)
  assert.equal(page.room.ledger.length, 603)
  assert.equal(page.room.ledger.digest.length, 43)
  assert.deepEqual(page.room.ledger.forkProof(blocks[1]!.author), Uint8Array.of(7))
  assert.equal(page.room.ledger.forkProof(blocks[0]!.author), undefined)
})

test('a fork is reported with its author', async () => {
  const page = await open()
  page.fake.out.push((_, notices) => notices.ledgerForked(1, 3, false))
  await settle(page)
  assert.equal(page.errors[0]!.code, 'AuthorForked')
  assert.equal(page.errors[0]!.found, Buffer.from(new Uint8Array(32).fill(2)).toString('base64url'))
})

test('a file is written in parts and read as a whole', async () => {
  const page = await open()
  await settle(page)
  const file = await page.room.ledger.export()
  assert.deepEqual([...new Uint8Array(await file.arrayBuffer())], [100, 101, 102])
  assert.deepEqual(await page.room.ledger.import(file), { heldCount: 3, refusedCount: 2, unsignedCount: 3 })
  assert.equal((await page.room.ledger.import(new Uint8Array(9).subarray(2))).heldCount, 7)
  await assert.rejects(page.room.ledger.import(new ArrayBuffer(0)), { code: 'GenesisMismatch' })
})

test('whoever makes a room brings its genesis and the profile that it grew from', async () => {
  const fake = new LedgerMachine()
  let founding: Founding | undefined
  const genesis = Uint8Array.of(1, 2, 3)
  const core = {
    machine: () => fake.machine,
    createRoom: (given: Founding) => ((founding = given), { address: ADDRESS, genesis }),
  } as unknown as Core
  await create(async () => core, { server: 'wss://server', owned: true, name: 'Kitchen' })
  assert.deepEqual([founding!.owned, founding!.name, founding!.nonce.length, founding!.secret.length], [true, 'Kitchen', 16, 16])
  assert.deepEqual(fake.opened!.genesis, genesis)
  assert.deepEqual(fake.opened!.profile, founding!.profile)
})

const awaiting = () => Object.assign(new LedgerMachine(), { awaitsGenesis: true })

const handOver = (page: Page) => (page.fake.handOver(), settle(page).then(() => settle(page)).then(idle))

/** What a page leaves that is killed: everything on disk, and no lock. */
const kill = () => void Object.defineProperty(globalThis, 'navigator', { value: { locks: new FakeLocks().manager }, configurable: true })

test('what is dispatched before anybody handed over the genesis survives reloads and is written once', async () => {
  const first = await open({}, awaiting())
  const board = first.room.store('board', list)
  for (const text of ['a', 'b']) board.dispatch(add(text))
  assert.deepEqual(board.getState(), ['a', 'b'])
  await idle()
  await leave(first)
  const second = await open({}, awaiting())
  assert.deepEqual(second.room.store('other', list).getState(), [])
  const again = second.room.store('board', list)
  assert.deepEqual(again.getState(), ['a', 'b'])
  again.dispatch(add('c'))
  assert.deepEqual(again.getState(), ['a', 'b', 'c'])
  await idle()
  kill()
  // Whether or not the application opens the store that it was for.
  const third = await open({}, awaiting())
  await handOver(third)
  assert.deepEqual([third.fake.blocks.length, third.fake.storedCount], [1, 1])
  assert.deepEqual(third.room.store('board', list).getState(), ['a', 'b', 'c'])
  kill()
  const fourth = await open()
  await idle()
  assert.deepEqual(fourth.fake.blocks.length, 1)
  assert.deepEqual(fourth.room.store('board', list).getState(), ['a', 'b', 'c'])
  assert.deepEqual([first, second, third, fourth].flatMap(({ errors }) => errors), [])
})

test('a page that ends while waiting actions are written writes them in its next life, and then no more', async () => {
  const first = await open({}, awaiting())
  first.room.store('board', list).dispatch(add('a'))
  await idle()
  // The blocks never reach the disk.
  const stuck = mock.method(IndexedStorage.prototype, 'commit', () => new Promise(() => undefined))
  await handOver(first)
  assert.equal(first.fake.blocks.length, 1)
  stuck.mock.restore()
  kill()
  for (let life = 0; life < 2; life += 1) {
    const page = await open()
    await idle()
    assert.deepEqual(page.room.store('board', list).getState(), ['a'])
    assert.equal(page.fake.storedCount, 1)
    kill()
  }
})

test('what waits and may not be written, or cannot be stored, is not written in a later life', async () => {
  const first = await open({}, awaiting())
  const receipt = first.room.store('board', list).dispatch(add('a'))
  await idle()
  first.fake.ledgerWrite = () => {
    throw new MeshError('BlockRefused')
  }
  await handOver(first)
  await assert.rejects(receipt.written, { code: 'BlockRefused' })
  kill()
  const second = await open({}, awaiting())
  const board = second.room.store('board', list)
  assert.deepEqual(board.getState(), [])
  board.dispatch(add('b'))
  await idle()
  const full = mock.method(IDBObjectStore.prototype, 'add', () => {
    throw new DOMException('the disk is full', 'QuotaExceededError')
  })
  await handOver(second)
  full.mock.restore()
  assert.equal(second.errors.at(-1)?.code, 'StorageFull')
  kill()
  const third = await open()
  await idle()
  assert.equal(third.fake.blocks.length, 0)
})

test('what waits is kept when the room closes in the turn of a dispatch', async () => {
  const first = await open({}, awaiting())
  const board = first.room.store('board', list)
  board.dispatch(add('a'))
  await idle()
  first.room.on('status', () => {
    const { written } = board.dispatch(add('too late'))
    written.catch(() => undefined)
  })
  first.fake.out.push((_, notices) => notices.status('offline'))
  await leave(first)
  await idle()
  const second = await open({}, awaiting())
  assert.deepEqual(second.room.store('board', list).getState(), ['a'])
})

test('ready says when the ledger is open, or that the room closed before', async () => {
  const page = await open({}, awaiting())
  const told: string[] = []
  void page.room.ledger.ready.then(() => told.push(page.room.ledger.member))
  await idle()
  assert.deepEqual(told, [])
  await handOver(page)
  assert.deepEqual(told, ['me'])
  const other = await open({}, awaiting())
  await leave(other)
  await assert.rejects(other.room.ledger.ready, { code: 'RoomClosed' })
  await page.room.ledger.ready
})

test('a room is there once its genesis is on disk; a disk that does not answer is told of', async () => {
  const founder = () => {
    const fake = new LedgerMachine()
    const core = { machine: () => fake.machine, createRoom: () => ({ address: ADDRESS, genesis: Uint8Array.of(5) }) } as unknown as Core
    return create(async () => core, { server: 'wss://server' })
  }
  await founder()
  const storage = await IndexedStorage.open('meshlace room')
  const records: number[][] = []
  await storage.read((key, bytes) => records.push([...key, ...bytes]))
  storage.close()
  assert.deepEqual(records, [[0, 5]])
  const stuck = mock.method(IndexedStorage.prototype, 'commit', () => new Promise(() => undefined))
  const heard = mock.method(console, 'error', () => undefined)
  await Promise.all([founder(), idle()])
  stuck.mock.restore()
  heard.mock.restore()
  assert.equal((heard.mock.calls[0]?.arguments[0] as MeshError).code, 'StorageRefused')
})

test('a closed room has no stores and lets its slot go', async () => {
  const page = await open()
  const board = page.room.store('board', list)
  await leave(page)
  assert.throws(() => page.room.store('other', list), { code: 'RoomClosed' })
  assert.throws(() => board.dispatch(add('a')), { code: 'RoomClosed' })
  assert.equal(page.room.ledger.length, 0)
  assert.deepEqual([page.room.ledger.digest, (await open()).fake.opened!.slot], ['', 0])
})

test('a long history is not folded again after a reload, unless the version is another', async () => {
  let calls = 0
  const counter = (version: number): StoreOptions<number, { type: string }> => ({
    version,
    initial: 0,
    reduce: (state) => ((calls += 1), state + 1),
  })
  const first = await open()
  const count = first.room.store('count', counter(1))
  let last
  for (let at = 0; at < 1_100; at++) {
    last = count.dispatch({ type: 'counted' })
    await last.written
  }
  await last!.stored
  // Nothing changes for two seconds.
  await idle()
  await leave(first)
  calls = 0
  const second = await open()
  assert.equal(second.room.store('count', counter(1)).getState(), 1_100)
  assert.equal(calls, 0)
  await leave(second)
  const third = await open()
  assert.equal(third.room.store('count', counter(2)).getState(), 1_100)
  assert.equal(calls, 1_100)
})

//
test('a peer that comes to another state of the same blocks is told of, with the keys that differ', async () => {
  const state = (clock: number): StoreOptions<object, { type: string }> => ({
    version: 1,
    initial: { count: 0 },
    reduce: () => ({ count: 1, clock }),
  })
  const [one, two] = [await open({ storage: 'memory' }), await open({ storage: 'memory' })]
  const pages = [one, two]
  const divergences: Divergence[] = []
  one.room.on('divergence', (divergence) => divergences.push(divergence))
  pages.forEach(({ fake, room }, at) => {
    room.store('state', state(at))
    fake.put(encodeActions([{ store: 'state', action: { type: 'any' } }]), 0)
    fake.out.push((_, notices) => notices.peerAdded(at === 0 ? 'two' : 'one'))
  })
  for (const page of pages) await settle(page)
  await idle()
  // What each says crosses to the other, three times over: saying it again changes nothing.
  for (let round = 0; round < 3; round++) {
    pages.forEach(({ fake }, at) => {
      const other = pages[1 - at]!
      for (const [, , topic, , , text] of fake.of('sendTopicText')) {
        const bytes = new TextEncoder().encode(text as string)
        other.fake.out.push((_, notices) => notices.topicMessage(at === 0 ? 'one' : 'two', topic as string, 2, undefined, bytes))
      }
    })
    for (const page of pages) await settle(page)
  }
  assert.equal(divergences.length, 1)
  const { store, version, length, peer, keys, own, theirs } = divergences[0]!
  assert.deepEqual({ store, version, length, peer, keys }, { store: 'state', version: 1, length: 1, peer: 'two', keys: ['clock'] })
  assert.notEqual(own, theirs)
  assert.equal(own.length, 43)
  assert.deepEqual(two.errors.map(({ code }) => code), ['Diverged'])
  // Nonsense is nobody's business.
  for (const nonsense of [null, 7, [], [1], ['x', 1], [one.room.ledger.digest, [[{}], [1, 2], null]], [one.room.ledger.digest, {}, 1, [], 5]]) {
    const bytes = new TextEncoder().encode(JSON.stringify(nonsense))
    one.fake.out.push((_, notices) => notices.topicMessage('two', 'meshlace:states', 2, undefined, bytes))
  }
  await settle(one)
  assert.equal(divergences.length, 1)
  assert.throws(() => one.room.channel('meshlace:states'), { code: 'InvalidArgument' })
})

//
test('a state that is not plain JSON is reported once, with the path', async () => {
  const page = await open({ storage: 'memory' })
  const board = page.room.store('board', { version: 1, initial: {} as object, reduce: (): object => ({ texts: [new Map()] }) })
  for (let round = 0; round < 2; round++) {
    board.dispatch(add('a'))
    await idle()
  }
  assert.deepEqual(page.errors.map(({ code, found }) => [code, found]), [['NotSerializable', 'a Map at texts[0]']])
  assert.throws(() => page.room.store('other', { ...list, initial: [NaN] as unknown as string[] }), { code: 'NotSerializable' })
})
