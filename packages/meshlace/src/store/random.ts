/**
 * Chance that is the same on every page: `sfc32`, a small generator that passes the usual batteries,
 * seeded by a block's id and the number of the action in it.
 *
 * Source: docs/protocol.md R-388.
 */

/** Numbers in [0, 1), as `Math.random` gives them. `seed` has at least 12 bytes. */
export function randomOf(seed: Uint8Array, index: number): () => number {
  const words = new DataView(seed.buffer, seed.byteOffset, seed.byteLength)
  let a = words.getInt32(0, true)
  let b = words.getInt32(4, true)
  let c = words.getInt32(8, true)
  let counter = (index + 1) | 0
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 0x1_0000_0000
  }
  for (let round = 0; round < MIXING_ROUNDS; round++) next()
  return next
}

/** After so many, seeds that differ in a bit have nothing in common. */
const MIXING_ROUNDS = 12
