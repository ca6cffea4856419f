/**
 * Golden bytes, read through the module that ships: what Rust wrote natively is read, and written
 * again, by the WebAssembly of the built package.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, test } from 'node:test'

import type { Tools } from '../src/crossing.js'
import { builtTools, hex } from './fakes/built.js'

interface Golden {
  bytes: string
  channel?: string
}

const links = JSON.parse(readFileSync(new URL('../../../vectors/v1/links.json', import.meta.url), 'utf8')) as {
  frames: Golden[]
  signals: Golden[]
  parcels: Golden[]
}

/** Every golden thing with the kind it is read as. */
const golden: [kind: string, hex: string][] = [
  ...links.frames.map(({ channel, bytes }): [string, string] => [channel ?? 'control', bytes]),
  ...links.signals.map(({ bytes }): [string, string] => ['signal', bytes]),
  ...links.parcels.map(({ bytes }): [string, string] => ['parcel', bytes]),
]


let tools: Tools

before(() => {
  tools = builtTools()
})

//
test('every golden frame, signal and parcel is read and written again as it was', () => {
  assert.ok(golden.length > 30, `only ${golden.length} vectors`)
  for (const [kind, text] of golden) {
    assert.equal(Buffer.from(tools.reencode(kind, hex(text))).toString('hex'), text, `${kind} ${text.slice(0, 40)}`)
  }
})

test('a golden frame that is cut or lengthened is refused with the reason', () => {
  for (const [kind, text] of golden) {
    if (kind === 'parcel') continue // What follows a parcel's header is its payload.
    assert.throws(() => tools.reencode(kind, hex(`${text}00`)), /trailing bytes/)
    assert.throws(() => tools.reencode(kind, hex(text.slice(0, -2))), /truncated|expected|unknown/)
  }
})

//
test('the states of the golden vectors have the hashes that stand there', () => {
  const { states } = JSON.parse(
    readFileSync(new URL('../../../vectors/v1/actions.json', import.meta.url), 'utf8'),
  ) as { states: { json: string; hash: string }[] }
  for (const { json, hash } of states) {
    assert.equal(Buffer.from(tools.stateHash(new TextEncoder().encode(json))).toString('hex'), hash)
  }
})
