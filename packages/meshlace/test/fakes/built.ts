/** The WebAssembly as it was built, for tests that read golden vectors through it. */
import { readFileSync } from 'node:fs'
import { newMachine, prepare, type Tools } from '../../src/crossing.js'

/** Makes the built module the one that cores are made of; what of it needs no room. */
export function builtTools(): Tools {
  // From the folder of the package, where tests run.
  prepare(new WebAssembly.Module(readFileSync('dist/meshlace.wasm')))
  return newMachine()
}

/** The bytes of a hexadecimal text. */
export const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
