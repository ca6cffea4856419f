// BLAKE3 in its key derivation mode, of at most one chunk (1,024 bytes): enough to name and sign a block, by hand.
globalThis.derive = (() => {
  const START = 1
  const END = 2
  const ROOT = 8
  const CONTEXT = 32
  const MATERIAL = 64
  const IV = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19]
  const ORDER = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
  const QUARTERS = [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15], [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]]
  const turn = (word, by) => (word >>> by) | (word << (32 - by))

  function compress(value, block, byteCount, flags) {
    const v = Uint32Array.from([...value, ...IV.slice(0, 4), 0, 0, byteCount, flags])
    let words = block
    for (let round = 0; round < 7; round += 1) {
      QUARTERS.forEach(([a, b, c, d], n) => {
        for (const [first, second, word] of [[16, 12, words[2 * n]], [8, 7, words[2 * n + 1]]]) {
          v[a] += v[b] + word
          v[d] = turn(v[d] ^ v[a], first)
          v[c] += v[d]
          v[b] = turn(v[b] ^ v[c], second)
        }
      })
      words = ORDER.map((from) => words[from])
    }
    return Array.from({ length: 8 }, (_, n) => (v[n] ^ v[n + 8]) >>> 0)
  }

  function hash(key, bytes, flags) {
    if (bytes.length > 1024) throw new Error('more than one chunk')
    const count = Math.max(1, Math.ceil(bytes.length / 64))
    let value = key
    for (let n = 0; n < count; n += 1) {
      const part = bytes.subarray(64 * n, 64 * n + 64)
      const block = new Uint8Array(64)
      block.set(part)
      const ends = (n === 0 ? START : 0) | (n === count - 1 ? END | ROOT : 0)
      value = compress(value, [...new Uint32Array(block.buffer)], part.length, flags | ends)
    }
    return value
  }

  /** `derive` of the protocol: each part with its length before it, under one of the project's contexts. */
  return (context, ...parts) => {
    const key = hash(IV, new TextEncoder().encode(`meshlace v1 ${context}`), CONTEXT)
    const bytes = parts.flatMap((part) => [...new Uint8Array(BigUint64Array.of(BigInt(part.length)).buffer), ...part])
    return new Uint8Array(Uint32Array.from(hash(key, Uint8Array.from(bytes), MATERIAL)).buffer)
  }
})()
