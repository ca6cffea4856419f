// `preload` runs through a join, so that the browser has compiled what the first real one runs.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loader } from '../src/core.js'
import { rehearse } from '../src/rehearsal.js'

test('the rehearsal of a join reaches its end on both sides, as often as it is run', async () => {
  const load = loader(() => WebAssembly.compile(readFileSync('generated/meshlace_wasm_bg.wasm')))
  const core = await load()
  for (let round = 0; round < 3; round++) assert.equal(rehearse(core), 2)
})
