/**
 * What Rust wrote of the ledger natively is read by the WebAssembly of the built package, and signatures
 * get the same verdicts there.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, test } from 'node:test'

import type { Tools } from '../src/crossing.js'
import { builtTools, hex } from './fakes/built.js'

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../vectors/v1/${name}`, import.meta.url), 'utf8')) as unknown

let tools: Tools

before(() => {
  tools = builtTools()
})

//
test('every golden message of sync is read and written again as it was', () => {
  interface Message {
    kind: string
    bytes: string
  }
  const { sync, exchange } = read('ledger.json') as { sync: Message[]; exchange: { messages: Message[] } }
  assert.ok(sync.length >= 8 && exchange.messages.length >= 8)
  const { messages } = read('reconciliation.json') as { messages: Message[] }
  assert.ok(messages.filter(({ kind }) => kind === 'bands').length >= 3)
  for (const { kind, bytes } of [...sync, ...exchange.messages, ...messages]) {
    assert.equal(Buffer.from(tools.reencode('sync', hex(bytes))).toString('hex'), bytes, kind)
    assert.throws(() => tools.reencode('sync', hex(`${bytes}00`)), /trailing bytes/)
  }
})

// RFC 8032, Wycheproof and points of small order.
test('signatures are judged as the golden verdicts say', () => {
  const { vectors } = read('signatures.json') as {
    vectors: { name: string; key: string; message: string; signature: string; valid: boolean }[]
  }
  assert.equal(vectors.length, 214)
  for (const { name, key, message, signature, valid } of vectors) {
    assert.equal(tools.verifySignature(hex(key), hex(message), hex(signature)), Number(valid), name)
  }
})
