/** The module in streams, and back. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { inflateRawSync } from 'node:zlib'

import { takeApart, withoutAlignments } from '../scripts/streams.js'
import { leb, STREAM_COUNT, unite } from '../src/streams.js'

const united = (parts: Uint8Array) => Buffer.from(unite(Uint8Array.from(parts).buffer))

test('what `meshlace` carries is the module that `meshlace/wasm` loads', () => {
  const letters = /"([A-Za-z0-9+/]{50000,}={0,2})"/.exec(readFileSync('dist/index.js', 'utf8'))
  assert.ok(letters?.[1], 'the script carries no module')
  const parts = inflateRawSync(Buffer.from(letters[1], 'base64'))
  assert.ok(united(parts).equals(readFileSync('dist/meshlace.wasm')))
})

test('operands of every shape come back as they were', () => {
  const module = moduleOf(EVERY_SHAPE)
  assert.ok(WebAssembly.validate(module), 'the test means no valid module')
  assert.deepEqual(united(takeApart(module)), Buffer.from(module))
})

test('alignments are left out, and nothing else', () => {
  const module = moduleOf(EVERY_SHAPE)
  const changed = withoutAlignments(module)
  assert.ok(WebAssembly.validate(Uint8Array.from(changed)))
  const left = [...module].filter((byte, at) => changed[at] !== byte)
  assert.deepEqual(left, [2, 2, 4, 2, 3])
})

test('a module that ends within a function is refused', () => {
  const module = moduleOf(EVERY_SHAPE)
  for (let length = module.length - EVERY_SHAPE.length; length < module.length; length++) {
    assert.throws(() => takeApart(module.subarray(0, length)), /the module ends after/, `${length} bytes`)
  }
})

test('streams that were altered end in an error or in another module, never in a loop', () => {
  const module = moduleOf(EVERY_SHAPE)
  const parts = takeApart(module)
  let refused = 0
  for (let at = STREAM_COUNT * 4 + 4; at < parts.length; at++) {
    for (const bit of [1, 16, 128]) {
      const altered = Uint8Array.from(parts)
      altered[at]! ^= bit
      try {
        assert.equal(united(altered).length, module.length)
      } catch (error) {
        assert.match(String(error), /the module is longer than/)
        refused++
      }
    }
  }
  assert.ok(refused > 10, `only ${refused} were refused`)
})

/** A module with one function, which has one local. */
function moduleOf(instructions: number[]): Uint8Array<ArrayBuffer> {
  const body = [1, 1, 0x7f, ...instructions]
  const code = [1, ...leb(body.length), ...body]
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    // One type without arguments and results, one function of it; a table, a memory and a global.
    ...[1, 4, 1, 0x60, 0, 0],
    ...[3, 2, 1, 0],
    ...[4, 4, 1, 0x70, 0, 1],
    ...[5, 3, 1, 0, 1],
    ...[6, 6, 1, 0x7f, 1, 0x41, 0, 0x0b],
    ...[10, ...leb(code.length), ...code],
  ])
}

const DROP = 0x1a
const ZERO = [0x41, 0]
const VECTOR = [0xfd, 12, ...Array<number>(16).fill(9)]

/** An instruction with operands of each shape. */
const EVERY_SHAPE = [
  // Locals and constants.
  ...[0x20, 0, DROP, 0x41, 0xac, 2, 0x21, 0, ...ZERO, 0x22, 0, DROP],
  ...[...ZERO, 0x20, 0, 0x6a, DROP, 0x42, 0x80, 0x7f, DROP, 0x43, 1, 2, 3, 4, DROP, 0x44, 1, 2, 3, 4, 5, 6, 7, 8, DROP],
  // Blocks, branches and calls.
  ...[0x02, 0x40, 0x0c, 0, 0x0b, 0x03, 0x40, ...ZERO, 0x0d, 0, 0x0b, ...ZERO, 0x04, 0x40, 0x01, 0x05, 0x0b],
  ...[0x02, 0x40, ...ZERO, 0x0e, 1, 0, 0, 0x0b, 0x10, 0, ...ZERO, 0x11, 0, 0],
  ...[...ZERO, ...ZERO, ...ZERO, 0x1c, 1, 0x7f, DROP],
  // Globals, tables and memory.
  ...[0x23, 0, 0x24, 0, ...ZERO, ...ZERO, 0x25, 0, 0x26, 0, 0xd0, 0x70, DROP],
  ...[...ZERO, 0x28, 2, 0xc8, 1, DROP, ...ZERO, ...ZERO, 0x36, 2, 0, 0x3f, 0, 0x40, 0, DROP],
  ...[0x43, 0, 0, 0, 0, 0xfc, 0, DROP, ...ZERO, ...ZERO, ...ZERO, 0xfc, 10, 0, 0, ...ZERO, ...ZERO, ...ZERO, 0xfc, 11, 0],
  // Vectors.
  ...[...ZERO, 0xfd, 0, 4, 16, 0xfd, 21, 3, DROP, ...VECTOR, ...VECTOR, 0xfd, 13, ...Array<number>(16).fill(7), DROP],
  ...[...ZERO, ...VECTOR, 0xfd, 86, 2, 0, 1, DROP, ...ZERO, 0xfd, 93, 3, 0, DROP, ...VECTOR, ...VECTOR, 0xfd, 0xae, 1, DROP],
  0x0b,
]
