import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, encode } from '../src/content.js'
import { MeshError } from '../src/errors.js'
import { Kind } from '../src/machine.js'

/** Over the crossing and back. */
async function across(value: unknown): Promise<unknown> {
  const content = await encode(value)
  const bytes = 'text' in content ? new TextEncoder().encode(content.text) : content.bytes
  const meta = 'name' in content ? { name: content.name, type: content.type } : undefined
  return decode(content.kind, meta, bytes)
}

test('what is sent arrives as it was', async () => {
  const values = [
    'hello',
    '',
    '\ufeffbyte order mark',
    'lone surrogate \ud800',
    '\u{1f980} crab',
    0,
    -1.5,
    true,
    null,
    [],
    {},
    [1, [2, [3]]],
    { a: { b: ['c', null, false] }, 'odd key': 1 },
  ]
  for (const value of values) assert.deepEqual(await across(value), value)
  assert.deepEqual(await across(Object.assign(Object.create(null), { bare: 1 })), { bare: 1 })
  const proto = JSON.parse('{"__proto__": 1}')
  assert.deepEqual(await across(proto), proto)
})

test('bytes arrive as Uint8Array whatever they were', async () => {
  const bytes = new Uint8Array([1, 2, 3, 4])
  const given = [bytes, bytes.buffer, new DataView(bytes.buffer), new Uint16Array(bytes.buffer)]
  for (const value of given) assert.deepEqual(await across(value), bytes)
  assert.deepEqual(await across(bytes.subarray(1, 3)), new Uint8Array([2, 3]))
})

test('a blob keeps its type', async () => {
  const blob = (await across(new Blob(['abc'], { type: 'text/plain' }))) as Blob
  assert.equal(blob.type, 'text/plain')
  assert.equal(await blob.text(), 'abc')
})

test('what would arrive as something else is refused with its path', () => {
  const cycle: Record<string, unknown> = { list: [] }
  ;(cycle['list'] as unknown[]).push(cycle)
  const cases: [unknown, string][] = [
    [undefined, 'undefined'],
    [NaN, 'NaN'],
    [-Infinity, '-Infinity'],
    [10n, 'a bigint'],
    [Symbol('s'), 'a symbol'],
    [() => 0, 'a function'],
    [new Map(), 'a Map'],
    [new Set(), 'a Set'],
    [new Date(0), 'a Date'],
    [{ a: [1, { b: NaN }] }, 'NaN at a[1].b'],
    [{ a: undefined }, 'undefined at a'],
    [[1, , 3], 'undefined at [1]'],
    [{ 'odd key': { f() {} } }, 'a function at ["odd key"].f'],
    [{ raw: new Uint8Array(2) }, 'a Uint8Array at raw'],
    [{ [Symbol('s')]: 1 }, 'a symbol as key'],
    [cycle, 'a cycle at list[0]'],
  ]
  for (const [value, found] of cases) {
    assert.throws(
      () => encode(value),
      (error) =>
        error instanceof MeshError &&
        error.code === 'NotSerializable' &&
        error.delivery === 'not-sent' &&
        error.found === found,
      `expected ${found}`,
    )
  }
})

test('the same object twice is no cycle', async () => {
  const shared = { x: 1 }
  assert.deepEqual(await across({ a: shared, b: [shared] }), { a: shared, b: [shared] })
})

test('an object nested too deeply is refused, not a crash', () => {
  let deep: unknown = 1
  for (let level = 0; level < 200_000; level++) deep = [deep]
  assert.throws(() => encode(deep), { code: 'NotSerializable' })
})

test('bytes that are not what they are declared to be are the fault of the peer', () => {
  const notText = new Uint8Array([0xff, 0xfe])
  const notJson = new TextEncoder().encode('{"a":')
  assert.throws(() => decode(Kind.text, undefined, notText), { code: 'ProtocolViolation' })
  assert.throws(() => decode(Kind.json, undefined, notJson), { code: 'ProtocolViolation' })
})

test('what arrives is a copy: the view it came in is gone after', () => {
  const memory = new Uint8Array([1, 2, 3])
  const kept = decode(Kind.bytes, undefined, memory) as Uint8Array
  memory.fill(0)
  assert.deepEqual(kept, new Uint8Array([1, 2, 3]))
})
