// Prints what a page loads, as JSON: bytes, and bytes after gzip, of both entry points.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const read = (name) => readFileSync(new URL(`../dist/${name}`, import.meta.url))
const size = (...names) => {
  const files = names.map(read)
  const sum = (bytes) => files.map(bytes).reduce((total, each) => total + each, 0)
  return { bytes: sum((file) => file.length), gzip: sum((file) => gzipSync(file, { level: 9 }).length) }
}
console.log(JSON.stringify({ meshlace: size('index.js'), 'meshlace/wasm': size('wasm.js', 'meshlace.wasm') }, null, 2))
