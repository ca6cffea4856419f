// What stores write into blocks: one encoding, shared with every other implementation by golden bytes.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  ACTION_CELLS_MAX,
  ACTION_COUNT_MAX,
  ACTIONS_BYTES_MAX,
  decodeActions,
  encodeActions,
  packActions,
  type StoreAction,
} from '../src/store/actions.js'
import { toCbor } from '../src/store/cbor.js'
import { canonicalJson, plainCopy, type Plain } from '../src/store/plain.js'
import { randomOf } from '../src/store/random.js'

interface Vectors {
  payloads: { about: string; actions: StoreAction[]; bytes: string }[]
  refused: { about: string; bytes: string }[]
  chance: { block: string; action: number; words: number[] }[]
  states: { state: unknown; json: string }[]
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../vectors/v1/actions.json', import.meta.url), 'utf8'),
) as Vectors

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const board = (...actions: object[]): StoreAction[] =>
  actions.map((action) => ({ store: 'board', action: plainCopy(action) as Plain }))

// each form of a column stands in the vectors.
test('golden payloads are written and read as they were', () => {
  assert.ok(vectors.payloads.length >= 12)
  for (const { about, actions, bytes } of vectors.payloads) {
    assert.equal(hex(encodeActions(actions.map(({ store, action }) => ({ store, action: plainCopy(action) })))), bytes, about)
    assert.deepEqual(decodeActions(bytesOf(bytes)), actions, about)
  }
})

//
test('golden refusals are refused', () => {
  for (const { about, bytes } of vectors.refused) {
    assert.throws(() => decodeActions(bytesOf(bytes)), { code: 'ActionsMalformed' }, about)
  }
})

// cut at each length, lengthened, and each bit flipped: refused, or another payload in its one form.
test('what is altered is refused or is the one encoding of something else', () => {
  for (const { bytes } of vectors.payloads) {
    const whole = bytesOf(bytes)
    for (let length = 0; length < whole.length; length++) {
      assert.throws(() => decodeActions(whole.subarray(0, length)), { code: 'ActionsMalformed' })
    }
    assert.throws(() => decodeActions(Uint8Array.of(...whole, 0)), { code: 'ActionsMalformed' })
    for (let bit = 0; bit < 8 * whole.length; bit++) {
      const altered = whole.slice()
      altered[bit >> 3]! ^= 1 << (bit & 7)
      try {
        assert.equal(hex(encodeActions(decodeActions(altered))), hex(altered))
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ActionsMalformed')
      }
    }
  }
})

// a few bytes must not stand for millions of values.
test('a payload that would unfold to more than a block may hold is refused before it is unfolded', () => {
  const shape = ['type', ...Array.from({ length: 64 }, (_, at) => `z${at + 10}`)]
  const columns = [['t'], ...shape.slice(1).map(() => [0])]
  const many = (count: number) => toCbor([1, [['board', shape]], [[0, count]], ...columns])
  assert.equal(decodeActions(many(1000)).length, 1000)
  assert.throws(() => decodeActions(many(1 + ACTION_CELLS_MAX / 64)), { code: 'ActionsMalformed', found: 'too many values' })
  assert.throws(() => decodeActions(many(ACTION_COUNT_MAX + 1)), { code: 'ActionsMalformed', found: 'too many numbers' })
  assert.throws(() => decodeActions(many(2 ** 40)), { code: 'ActionsMalformed', found: 'too many numbers' })
})

test('random actions come back as they were, whatever their shapes', () => {
  let seed = 1
  const draw = (count: number) => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff) % count
  const value = (depth: number): unknown => {
    switch (draw(depth > 3 ? 7 : 9)) {
      case 0:
        return null
      case 1:
        return draw(2) === 0
      case 2:
        return draw(100) - 50
      case 3:
        return [2 ** 31, 2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 60, 1e300, 5e-324][draw(6)]
      case 4:
        return draw(1000) / [1, 2, 3, 7][draw(4)]!
      case 5:
        return ['', 'a', '\u{1f600}', 'z\u0000z', '__proto__', '\u00e9'.repeat(draw(40))][draw(6)]
      case 6:
        return ['x', 'y'][draw(2)]
      case 7:
        return Array.from({ length: draw(4) }, () => value(depth + 1))
      default:
        return Object.fromEntries(Array.from({ length: draw(4) }, () => [`${'abc109_'[draw(7)]}`, value(depth + 1)]))
    }
  }
  for (let round = 0; round < 500; round++) {
    const list = Array.from({ length: 1 + draw(12) }, () => ({
      store: ['board', 'chat'][draw(2)]!,
      action: plainCopy<Plain>({ type: 'x', one: value(0), 2: value(0), ['__proto__']: value(1), three: { four: value(2) } }),
    }))
    const again = decodeActions(encodeActions(list))
    assert.deepEqual(again, list)
    assert.deepEqual(again.map(({ action }) => JSON.stringify(action)),
      list.map(({ action }) => JSON.stringify(action)),)
  }
})

// a burst over the limits becomes several blocks; one action over them is refused.
test('what does not fit one block is written as several', () => {
  const burst = board(...Array.from({ length: 10_000 }, (_, at) => ({ type: 'set', at, text: `number ${at}` })))
  const packed = packActions(burst)
  assert.ok(packed.length < 9)
  for (const { payload } of packed) assert.ok(payload.length <= ACTIONS_BYTES_MAX)
  assert.deepEqual(packed.flatMap(({ payload }) => decodeActions(payload)), burst)
  const large = board({ type: 'set', text: 'x'.repeat(ACTIONS_BYTES_MAX) })
  assert.throws(() => packActions(large), { code: 'MessageTooLarge', limit: ACTIONS_BYTES_MAX })
})

// The goal of the format: within 1.5 times what Yjs and Automerge write (1.0 and 2.8 bytes in these cases).
test('a burst of small actions takes few bytes each', () => {
  const typing = board(...Array.from({ length: 1000 }, (_, at) => ({ type: 'insert', at, text: 'abcdefgh'[at % 7] })))
  assert.ok(encodeActions(typing).length < 1.5 * 1000)
  const strokes = board(...Array.from({ length: 1000 }, (_, at) => ({ type: 'draw', x: (at * 97) % 1920, y: (at * 31) % 1080 })))
  assert.ok(encodeActions(strokes).length < 6 * 1000)
})

//
test('chance is the same everywhere', () => {
  for (const { block, action, words } of vectors.chance) {
    const random = randomOf(bytesOf(block), action)
    assert.deepEqual(words.map(() => random() * 2 ** 32), words)
  }
  const sample = Array.from({ length: 1000 }, randomOf(bytesOf('00'.repeat(32)), 0))
  assert.ok(sample.every((value) => value >= 0 && value < 1))
  assert.ok(Math.abs(sample.reduce((sum, value) => sum + value) / 1000 - 0.5) < 0.05)
})

// the examples of RFC 8785 among them.
test('canonical JSON is that of RFC 8785', () => {
  for (const { state, json } of vectors.states) assert.equal(canonicalJson(state), json)
  assert.equal(canonicalJson({ b: -0, a: [1e21, 0.000001, 1e-7] }), '{"a":[1e+21,0.000001,1e-7],"b":0}')
  assert.throws(() => canonicalJson({ a: { b: [1, NaN] } }), { code: 'NotSerializable', found: 'NaN at a.b[1]' })
  assert.throws(() => canonicalJson({ a: '\ud800' }), { code: 'NotSerializable', found: 'a lone surrogate at a' })
  assert.throws(() => canonicalJson({ '\ud800': 1 }), { code: 'NotSerializable' })
  let deep: unknown = 1
  for (let depth = 0; depth < 65; depth++) deep = [deep]
  assert.throws(() => canonicalJson(deep), { code: 'NotSerializable', found: /nested too deeply/ })
})
