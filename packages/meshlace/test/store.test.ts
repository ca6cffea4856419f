// Stores over a ledger whose order the test makes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { legacy_createStore, type Store as ReduxStore, type UnknownAction } from 'redux'
import { MeshError } from '../src/errors.js'
import type { ActionContext, StoreOptions } from '../src/ledger/types.js'
import { decodeActions } from '../src/store/actions.js'
import { Stores } from '../src/store/stores.js'
import type { MeshStore } from '../src/store/store.js'
import { turn } from './fakes/browser.js'
import { FakeLedger, FakeTime } from './fakes/ledger.js'

interface Add {
  type: string
  text?: string
}

const list: StoreOptions<string[], Add> = {
  version: 1,
  initial: [],
  reduce: (state, action) => (action.type === 'add' ? [...state, action.text!] : state),
}

interface Rig {
  ledger: FakeLedger
  time: FakeTime
  stores: Stores
  board: MeshStore<string[], Add>
  /** Puts a block of these texts at a place and tells of it. */
  put(place: number, ...texts: string[]): void
}

function rig(options: StoreOptions<string[], Add> = list): Rig {
  const ledger = new FakeLedger()
  const time = new FakeTime()
  const stores = new Stores(ledger, time)
  const board = stores.open('board', options)
  return {
    ledger,
    time,
    stores,
    board,
    put(place, ...texts) {
      ledger.order.splice(place, 0, ledger.of('board', ...texts.map((text) => ({ type: 'add', text }))))
      stores.changed(place)
    },
  }
}

/** The end of the tick. */
const tick = () => turn()

test('a dispatch shows at once and is written at the end of the tick, all of a tick in one block', async () => {
  const { ledger, stores, board } = rig()
  const chat = stores.open('chat', { version: 1, initial: 0, reduce: (state: number) => state + 1 })
  board.dispatch({ type: 'add', text: 'a' })
  chat.dispatch({ type: 'said' })
  board.dispatch({ type: 'add', text: 'b' })
  assert.deepEqual(board.getState(), ['a', 'b'])
  assert.equal(chat.getState(), 1)
  assert.equal(ledger.order.length, 0)
  await tick()
  assert.equal(ledger.order.length, 1)
  assert.deepEqual(
    decodeActions(ledger.order[0]!.payload).map(({ store, action }) => [store, action['text']]),
    [['board', 'a'], ['chat', undefined], ['board', 'b']],
  )
  const shown = board.getState()
  stores.changed(0)
  assert.equal(board.getState(), shown, 'the state is the same object: nothing was reduced twice')
})

test('a dispatch costs one call of the reducer where its place is as expected', async () => {
  let calls = 0
  const { stores, board } = rig({ ...list, reduce: (state, action, context) => (calls++, list.reduce(state, action, context)) })
  for (let at = 0; at < 10; at++) board.dispatch({ type: 'add', text: String(at) })
  await tick()
  stores.changed(0)
  assert.equal(calls, 10)
})

test('what a reducer sees of its block is right once the block is there', async () => {
  const seen: Pick<ActionContext, 'block' | 'index' | 'author' | 'member' | 'final'>[] = []
  const chances: number[] = []
  const { ledger, stores, board, put } = rig({
    ...list,
    reduce(state, action, context) {
      const { block, index, author, member, final } = context
      seen.push({ block, index, author, member, final })
      chances.push(context.random())
      return list.reduce(state, action, context)
    },
  })
  put(0, 'theirs')
  board.dispatch({ type: 'add', text: 'mine' })
  board.dispatch({ type: 'add', text: 'too' })
  await tick()
  stores.changed(1)
  assert.deepEqual(seen[0], { block: 'block 0', index: 0, author: 'ada', member: 'ada', final: false })
  assert.deepEqual(seen[1], { block: '', index: 1, author: 'own', member: 'me', final: false })
  assert.deepEqual(seen.at(-1), { block: 'block 1', index: 1, author: 'own', member: 'me', final: false })
  assert.notEqual(chances.at(-1), chances.at(-2), 'each action has chance of its own')
  assert.equal(ledger.order[1]!.number, 1)
})

//
test('any order of arrival comes to the same state, which is that of the order', () => {
  let seed = 5
  const draw = (count: number) => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff) % count
  for (let round = 0; round < 20; round++) {
    const { ledger, time, board, put } = rig()
    for (let at = 0; at < 200; at++) {
      const place = draw(3) > 0 ? ledger.order.length : draw(ledger.order.length + 1)
      put(place, `${at}`, `${at}b`)
      if (draw(10) === 0) time.pass(200)
    }
    time.pass(10_000)
    const texts = ledger.order.flatMap(({ payload }) => decodeActions(payload).map(({ action }) => action['text']))
    assert.deepEqual(board.getState(), texts)
  }
})

test('a late block costs what it moves, however long the history is', () => {
  let calls = 0
  const { ledger, time, stores, board } = rig({ ...list, reduce: (state, action) => (calls++, action.type === 'late' ? [...state, 'late'] : state) })
  for (let at = 0; at < 20_000; at++) ledger.order.push(ledger.of('board', { type: 'add', text: '' }))
  stores.changed(0)
  time.pass(1_000)
  assert.equal(calls, 20_000)
  for (const moved of [1, 10, 100, 1_000, 10_000]) {
    calls = 0
    const place = ledger.order.length - moved
    ledger.order.splice(place, 0, ledger.of('board', { type: 'late' }))
    stores.changed(place)
    time.pass(1_000)
    assert.ok(calls <= 1.125 * moved + 3, `${calls} calls for ${moved} moved`)
  }
  assert.equal(board.getState().length, 5)
})

test('late blocks are folded ten times a second at most, and show as one change', () => {
  const { ledger, time, board, put } = rig()
  for (let at = 0; at < 50; at++) put(at, String(at))
  let changes = 0
  board.subscribe(() => (changes += 1))
  put(10, 'late')
  assert.equal(changes, 1, 'the first at once')
  for (let at = 0; at < 20; at++) put(10, `later ${at}`)
  assert.equal(changes, 1)
  time.pass(100)
  assert.equal(changes, 2, 'the others together')
  assert.equal(board.getState().length, ledger.order.length)
  time.pass(1_000)
  assert.equal(changes, 2)
  assert.equal(time.waiting, 0, 'and then nothing more happens')
})

test('folding late blocks takes a fifth of the thread, and nothing of it shows before all of it', () => {
  const { ledger, time, stores, board } = rig()
  for (let at = 0; at < 20_000; at++) ledger.order.push(ledger.of('board', { type: 'none' }))
  stores.changed(0)
  time.pass(1_000)
  ledger.order.splice(1, 0, ledger.of('board', { type: 'add', text: 'late' }))
  time.pass(1_000)
  // Each portion takes a while now.
  time.tickMs = 1
  const begin = time.at
  let works = 0
  const read = ledger.read.bind(ledger)
  ledger.read = (from, count) => ((works += 1), read(from, count))
  let changes = 0
  board.subscribe(() => (changes += 1))
  stores.changed(1)
  while (changes === 0) time.pass(1)
  assert.ok(time.at - begin >= 4 * works, `${works} portions of 1 ms in ${time.at - begin} ms`)
  assert.deepEqual(board.getState(), ['late'])
  assert.equal(changes, 1)
})

test('what is dispatched while late blocks are folded shows at once and stays', async () => {
  const { ledger, time, stores, board, put } = rig()
  for (let at = 0; at < 10; at++) put(at, String(at))
  put(0, 'late')
  put(0, 'later')
  board.dispatch({ type: 'add', text: 'mine' })
  assert.equal(board.getState().at(-1), 'mine')
  await tick()
  stores.changed(ledger.order.length - 1)
  assert.equal(board.getState().at(-1), 'mine')
  time.pass(100)
  assert.equal(board.getState().length, 13)
  assert.equal(board.getState().at(-1), 'mine')
  assert.equal(board.getState()[0], 'later')
})

//
test('a reducer that throws or gives nothing leaves the state as it is, and is reported once', async () => {
  const { ledger, time, stores, board, put } = rig({
    ...list,
    reduce(state, action) {
      if (action.text === 'bad') throw new Error('no')
      if (action.text === 'nothing') return undefined as unknown as string[]
      return [...state, action.text!]
    },
  })
  put(0, 'a', 'bad', 'b')
  assert.deepEqual(board.getState(), ['a', 'b'])
  assert.equal(ledger.reported.length, 1)
  assert.equal(ledger.reported[0]!.code, 'ReducerFailed')
  put(0, 'first')
  time.pass(200)
  assert.equal(ledger.reported.length, 1, 'folded again, told once')
  time.pass(1_000)
  board.dispatch({ type: 'add', text: 'nothing' })
  await tick()
  stores.changed(2)
  assert.deepEqual(board.getState(), ['first', 'a', 'b'])
  assert.equal(ledger.reported.length, 2)
})

//
test('allow refuses before a dispatch, and for every page where the action stands in the order', async () => {
  const { ledger, time, board, put } = rig({
    ...list,
    allow(state, action) {
      if (action.text === 'broken') throw new Error('a bug')
      return state.length < 2 && action.text !== 'never'
    },
  })
  assert.throws(() => board.dispatch({ type: 'add', text: 'never' }), { name: 'MeshError', code: 'NotAllowed', found: 'add' })
  assert.throws(() => board.dispatch({ type: 'add', text: 'broken' }), { code: 'NotAllowed' })
  await tick()
  assert.equal(ledger.order.length, 0)
  put(0, 'a', 'never', 'broken', 'b', 'c')
  assert.deepEqual(board.getState(), ['a', 'b'])
  put(0, 'z')
  time.pass(200)
  assert.deepEqual(board.getState(), ['z', 'a'])
})

test('actions that are not plain JSON are refused with the path', () => {
  const { board } = rig()
  const wrong = (action: object) => () => board.dispatch(action as Add)
  assert.throws(wrong({ type: 'add', text: NaN }), { code: 'NotSerializable', found: 'NaN at text' })
  assert.throws(wrong({ type: 'add', list: [{ when: new Date(0) }] }), { code: 'NotSerializable', found: 'a Date at list[0].when' })
  assert.throws(wrong({ type: 'add', text: undefined }), { code: 'NotSerializable', found: 'undefined at text' })
  assert.throws(wrong({ type: 'add', text: '\ud800' }), { code: 'NotSerializable' })
  assert.throws(wrong({ text: 'x' }), { code: 'InvalidArgument' })
  assert.throws(wrong({ type: 'add', text: 'x'.repeat(50_000) }), { code: 'MessageTooLarge' })
  assert.throws(wrong({ type: 'add', list: Array.from({ length: 6_000 }, () => 0.1) }), { code: 'MessageTooLarge' })
  assert.deepEqual(board.getState(), [])
})

test('what is changed after the dispatch does not change the action', async () => {
  const { ledger, board } = rig()
  const action = { type: 'add', text: 'a' }
  board.dispatch(action)
  action.text = 'b'
  await tick()
  assert.equal(decodeActions(ledger.order[0]!.payload)[0]!.action['text'], 'a')
})

test('before the ledger is open a dispatch shows and waits', async () => {
  const { ledger, stores, board } = rig()
  ledger.isOpen = false
  const receipt = board.dispatch({ type: 'add', text: 'early' })
  await tick()
  assert.deepEqual(board.getState(), ['early'])
  ledger.isOpen = true
  ledger.order.push(ledger.of('board', { type: 'add', text: 'restored' }))
  stores.opened()
  assert.equal(await receipt.written, 'block 1')
  stores.changed(1)
  assert.deepEqual(board.getState(), ['restored', 'early'])
})

test('a dispatch that the ledger refuses is taken back, and its receipt and the room say why', async () => {
  const { ledger, board } = rig()
  ledger.refuse = new MeshError('TooMany')
  const receipt = board.dispatch({ type: 'add', text: 'a' })
  await assert.rejects(receipt.written, { code: 'TooMany' })
  await assert.rejects(receipt.stored, { code: 'TooMany' })
  assert.deepEqual(board.getState(), [])
  assert.equal(ledger.reported[0]!.code, 'TooMany')
})

test('after the room is closed a dispatch throws and waiting receipts reject', async () => {
  const { ledger, stores, board } = rig()
  ledger.isOpen = false
  const { written } = board.dispatch({ type: 'add', text: 'a' })
  stores.close(new MeshError('RoomClosed'))
  await assert.rejects(written, { code: 'RoomClosed' })
  assert.throws(() => board.dispatch({ type: 'add', text: 'b' }), { code: 'RoomClosed' })
})

test('a reducer may not dispatch', async () => {
  let inner: unknown
  const { board } = rig({
    ...list,
    reduce(state) {
      try {
        board.dispatch({ type: 'add' })
      } catch (error) {
        inner = error
      }
      return state
    },
  })
  board.dispatch({ type: 'add', text: 'a' })
  assert.equal((inner as MeshError).code, 'InvalidArgument')
})

test('another reducer folds everything again', async () => {
  const { stores, board, put } = rig()
  put(0, 'a')
  board.dispatch({ type: 'add', text: 'b' })
  board.replaceReducer((state, action) => [...state, action.text!.toUpperCase()])
  assert.deepEqual(board.getState(), ['A', 'B'])
  await tick()
  stores.changed(1)
  assert.deepEqual(board.getState(), ['A', 'B'])
})

test('names and options are checked', () => {
  const { stores } = rig()
  assert.throws(() => stores.open('board', list), { code: 'InvalidArgument' })
  assert.throws(() => stores.open('', list), { code: 'InvalidArgument' })
  assert.throws(() => stores.open('x', { ...list, version: 1.5 }), { code: 'InvalidArgument' })
  assert.throws(() => stores.open('x', { ...list, reduce: undefined as never }), { code: 'InvalidArgument' })
})

test('a listener that was removed while others are told is told no more next time', () => {
  const { board, put } = rig()
  const heard: string[] = []
  const off = board.subscribe(() => {
    heard.push('one')
    off()
  })
  board.subscribe(() => heard.push('two'))
  put(0, 'a')
  put(1, 'b')
  assert.deepEqual(heard, ['one', 'two', 'two'])
})

test('it is a Redux store: the types fit, and it does what one does', async () => {
  const { board } = rig()
  const redux: ReduxStore<string[], Add> = board
  const loose: ReduxStore<string[], UnknownAction> = legacy_createStore((state: string[] = []) => state)
  assert.deepEqual(Object.keys(loose).filter((name) => !(name in redux)), [])
  const action = redux.dispatch({ type: 'add', text: 'a' })
  assert.deepEqual({ ...action }, { type: 'add', text: 'a' })
  const states: string[][] = []
  const { unsubscribe } = redux[Symbol.observable ?? ('@@observable' as unknown as typeof Symbol.observable)]().subscribe({ next: (state) => states.push(state) })
  redux.dispatch({ type: 'add', text: 'b' })
  unsubscribe()
  redux.dispatch({ type: 'add', text: 'c' })
  assert.deepEqual(states, [['a'], ['a', 'b']])
})
