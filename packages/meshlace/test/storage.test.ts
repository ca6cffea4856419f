// Storage over an IndexedDB in memory, and slots over locks in memory.
import assert from 'node:assert/strict'
import { beforeEach, mock, test } from 'node:test'
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { IndexedStorage } from '../src/storage/indexed.js'
import { takeSlot } from '../src/storage/slots.js'
import { MemoryStorage, storageError, type RecordChange, type RoomStorage } from '../src/storage/storage.js'
import { turn } from './fakes/browser.js'
import { FakeItems, FakeLocks, tabOf } from './fakes/locks.js'

beforeEach(() => {
  Object.assign(globalThis, { indexedDB: new IDBFactory(), IDBKeyRange })
})

const put = (key: number[], bytes: number[] | undefined, replace = false): RecordChange => ({
  key: Uint8Array.from(key),
  bytes: bytes && Uint8Array.from(bytes),
  replace,
})

async function all(storage: RoomStorage): Promise<[number[], number[]][]> {
  const records: [number[], number[]][] = []
  await storage.read((key, bytes) => records.push([[...key], [...bytes]]))
  return records
}

const kinds: [string, () => Promise<RoomStorage>][] = [
  ['memory', async () => new MemoryStorage()],
  ['IndexedDB', () => IndexedStorage.open('room')],
]

for (const [kind, open] of kinds) {
  test(`${kind}: records come back in the order of their keys, replaced and removed as asked`, async () => {
    const storage = await open()
    await storage.commit([put([2, 0, 9], [1]), put([2, 0, 1], [2]), put([1], [3]), put([2, 255], [4])])
    await storage.commit([put([1], [9]), put([2, 0, 9], [8], true), put([2, 255], undefined), put([3], [5])])
    assert.deepEqual(await all(storage), [[[1], [3]], [[2, 0, 1], [2]], [[2, 0, 9], [8]], [[3], [5]]])
  })

  test(`${kind}: values are kept, changed in one step, and removed`, async () => {
    const storage = await open()
    assert.equal(await storage.value('a'), undefined)
    await Promise.all([1, 2, 3].map(() => storage.update('a', (value) => Number(value ?? 0) + 1)))
    assert.equal(await storage.value('a'), 3)
    await storage.update('a', () => undefined)
    assert.equal(await storage.value('a'), undefined)
  })
}

test('IndexedDB: what was stored is there after the database is opened again', async () => {
  const storage = await IndexedStorage.open('room')
  await storage.commit(Array.from({ length: 3_000 }, (_, at) => put([2, at >> 8, at & 255], [at & 255])))
  storage.close()
  const again = await all(await IndexedStorage.open('room'))
  assert.equal(again.length, 3_000)
  assert.ok(again.every(([key, [byte]], at) => key[1] === at >> 8 && key[2] === (at & 255) && byte === (at & 255)))
  assert.deepEqual(await all(await IndexedStorage.open('another room')), [])
})

test('IndexedDB: every transaction asks for strict durability', async () => {
  const storage = await IndexedStorage.open('room')
  const { prototype } = (await import('fake-indexeddb')).IDBDatabase
  const transaction = mock.method(prototype, 'transaction')
  await storage.commit([put([1], [1])])
  assert.deepEqual(transaction.mock.calls[0]!.arguments.slice(1), ['readwrite', { durability: 'strict' }])
  transaction.mock.restore()
})

test('IndexedDB: a refusal has a name', async () => {
  const refusing = (error: Error | undefined) => ({
    open() {
      if (error === undefined) throw new DOMException('access is denied', 'SecurityError')
      const request: Record<string, unknown> = { error }
      queueMicrotask(() => (request['onerror'] as () => void)())
      return request
    },
  })
  Object.assign(globalThis, { indexedDB: refusing(undefined) })
  await assert.rejects(IndexedStorage.open('room'), { name: 'MeshError', code: 'StorageRefused', found: /SecurityError|denied/ })
  Object.assign(globalThis, { indexedDB: refusing(new DOMException('private', 'InvalidStateError')) })
  await assert.rejects(IndexedStorage.open('room'), { code: 'StorageRefused' })
  Object.assign(globalThis, { indexedDB: refusing(new DOMException('full', 'QuotaExceededError')) })
  await assert.rejects(IndexedStorage.open('room'), { code: 'StorageFull' })
  Object.assign(globalThis, { indexedDB: undefined })
  await assert.rejects(IndexedStorage.open('room'), { code: 'StorageRefused' })
  assert.equal(storageError(new DOMException('', 'QuotaExceededError')).code, 'StorageFull')
})

test('IndexedDB: a database that never opens is given up', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  Object.assign(globalThis, { indexedDB: { open: () => ({}) } })
  const opening = IndexedStorage.open('room')
  mock.timers.tick(5_000)
  mock.timers.reset()
  await assert.rejects(opening, { code: 'StorageRefused', found: /did not open/ })
})

test('IndexedDB: a database that another tab removes or upgrades is let go, and a commit then says so', async () => {
  const storage = await IndexedStorage.open('room')
  await new Promise((resolve, reject) => {
    const removal = indexedDB.deleteDatabase('room')
    removal.onsuccess = resolve
    removal.onblocked = () => reject(new Error('blocked'))
  })
  await assert.rejects(storage.commit([put([1], [1])]), { code: 'StorageRefused' })
})

test('IndexedDB: of a commit that fails in the middle nothing is there', async () => {
  const storage = await IndexedStorage.open('room')
  const { prototype } = (await import('fake-indexeddb')).IDBObjectStore
  const failing = mock.method(prototype, 'put', function (this: IDBObjectStore) {
    this.transaction.abort()
    return {} as IDBRequest
  })
  await assert.rejects(storage.commit([put([1], [1]), put([2], [2], true)]), { name: 'MeshError' })
  failing.mock.restore()
  assert.deepEqual(await all(storage), [])
})

test('IndexedDB: a commit is told to be whole; taken back for a record that is there, it is done again', async () => {
  const storage = await IndexedStorage.open('room')
  const { prototype } = (await import('fake-indexeddb')).IDBTransaction
  // As Chromium does where a record was there already.
  const commit = mock.method(prototype, 'commit', function (this: IDBTransaction) {
    const takeBack = () => {
      this.removeEventListener('error', takeBack, true)
      queueMicrotask(() => this.abort())
    }
    this.addEventListener('error', takeBack, true)
  })
  await storage.commit([put([1], [1])], { name: 'a', value: 1 })
  assert.equal(commit.mock.callCount(), 1)
  // Another page of the profile stores the same.
  await storage.commit([put([1], [2]), put([2], [2])], { name: 'a', value: undefined })
  assert.equal(commit.mock.callCount(), 2)
  assert.deepEqual([await all(storage), await storage.value('a')], [[[[1], [1]], [[2], [2]]], undefined])
  // From then on it is expected.
  await storage.commit([put([2], [3]), put([3], [3])])
  assert.equal(commit.mock.callCount(), 2)
  assert.deepEqual(await all(storage), [[[1], [1]], [[2], [2]], [[3], [3]]])
  commit.mock.restore()
})

test('two tabs of a profile never hold one slot, and a reload gets the one it had', async () => {
  const locks = new FakeLocks()
  const local = new FakeItems()
  const storage = new MemoryStorage()
  const one = tabOf(locks, local)
  const two = tabOf(locks, local)
  const slots = await Promise.all([takeSlot(one, 'room', storage), takeSlot(two, 'room', storage)])
  assert.deepEqual(slots.map((slot) => slot!.number).sort(), [0, 1])
  // The second one reloads: the old page lets go a little later.
  const second = slots.find((slot) => slot!.number === 1)!
  const tab = slots[1] === second ? two : one
  const again = takeSlot({ ...tab, held: new Set() }, 'room', storage)
  await Promise.resolve()
  second.release()
  assert.equal((await again)!.number, 1)
  // Another room is another matter.
  assert.equal((await takeSlot(tabOf(locks, local), 'another', storage))!.number, 0)
})

test('a duplicated tab waits for the slot that it remembers, then takes another', async () => {
  const locks = new FakeLocks()
  const local = new FakeItems()
  const storage = new MemoryStorage()
  const one = tabOf(locks, local)
  await takeSlot(one, 'room', storage)
  // A second room of the very same page need not wait for itself.
  const beside = await takeSlot(one, 'room', storage)
  assert.equal(beside!.number, 1)
  one.session.setItem('meshlace room', '0')
  const controller = new AbortController()
  const timeout = mock.method(AbortSignal, 'timeout', () => controller.signal)
  const taking = takeSlot(tabOf(locks, local, one.session.copy()), 'room', storage)
  await Promise.resolve()
  assert.deepEqual(timeout.mock.calls[0]!.arguments, [2_000])
  controller.abort(new DOMException('late', 'TimeoutError'))
  assert.equal((await taking)!.number, 2)
  timeout.mock.restore()
})

test('only a page that ended in order leaves a clean slot, and the mark counts once', async () => {
  const locks = new FakeLocks()
  const local = new FakeItems()
  const storage = new MemoryStorage()
  const load = async () => {
    // Whoever let go has done so by then.
    await turn()
    const slot = (await takeSlot(tabOf(locks, local), 'room', storage))!
    await slot.begin()
    return slot
  }
  const first = await load()
  assert.equal(first.isClean, false)
  first.markClean()
  const mark = local.copy()
  first.release()
  const second = await load()
  assert.equal(second.isClean, true)
  second.release()
  const third = await load()
  assert.equal(third.isClean, false, 'the second page crashed')
  third.release()
  // What was written goes to disk with a value that the mark must have: a disk from before has another.
  const writing = await load()
  const before = await storage.value('clean 0')
  await storage.commit([], writing.advance())
  writing.markClean()
  writing.release()
  const after = await storage.value('clean 0')
  await storage.update('clean 0', () => before)
  const restored = await load()
  assert.equal(restored.isClean, false)
  restored.release()
  assert.notEqual(before, after)
  // A crash of the machine may bring the mark back.
  for (const [name, value] of mark.items) local.setItem(name, value)
  const fourth = await load()
  assert.equal(fourth.isClean, false)
  fourth.markClean()
  fourth.markDirty()
  fourth.release()
  assert.equal((await load()).isClean, false)
})

test('without Web Locks each load takes a slot that was never used, and there are 64', async () => {
  const storage = new MemoryStorage()
  const world = { locks: undefined, session: undefined, local: undefined, held: new Set<string>() }
  const numbers = []
  for (let load = 0; load < 65; load++) numbers.push((await takeSlot(world, 'room', storage))?.number)
  assert.deepEqual(numbers, [...Array.from({ length: 64 }, (_, at) => at), undefined])
})

test('a page whose small storages throw has slots all the same', async () => {
  const broken = new Proxy({}, { get: () => () => { throw new DOMException('no', 'SecurityError') } }) as Storage
  const slot = await takeSlot({ locks: new FakeLocks().manager, session: broken, local: broken, held: new Set<string>() }, 'room', new MemoryStorage())
  slot!.markClean()
  assert.deepEqual([slot!.number, slot!.isClean], [0, false])
})
