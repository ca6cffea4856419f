// Runs the histories of vectors/v1/histories.json in WebAssembly: `node in_wasm.mjs FOLDER`, where the folder holds the
// module and its JavaScript. Each of two threads takes half of the orders, so that the two cores of a small machine
// are busy.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'

const THREADS = 2

async function deliver({ folder, golden, from, to }) {
  // As text, since Node takes a file of that name for CommonJS where no package.json says otherwise.
  const script = readFileSync(`${folder}/meshlace_wasm.js`).toString('base64')
  const { initSync, deliver } = await import(`data:text/javascript;base64,${script}`)
  initSync({ module: new WebAssembly.Module(readFileSync(`${folder}/meshlace_wasm_bg.wasm`)) })
  const hashes = deliver(golden.blocks, golden.authors, golden.forkers, golden.seed, from, to)
  return [0, 32, 64].map((at) => Buffer.from(hashes.subarray(at, at + 32)).toString('hex'))
}

function inThread(given) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: given })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

async function main(folder) {
  const goldens = JSON.parse(readFileSync(new URL('../../vectors/v1/histories.json', import.meta.url), 'utf8'))
  for (const golden of goldens) {
    const start = Date.now()
    const { orders, order, digest, state } = golden
    const part = (n) => inThread({ folder, golden, from: Math.floor((orders * n) / THREADS), to: Math.floor((orders * (n + 1)) / THREADS) })
    for (const found of await Promise.all(Array.from({ length: THREADS }, (_, n) => part(n)))) {
      assert.deepEqual(found, [order, digest, state], 'WebAssembly came to something else than the native run')
    }
    const seconds = ((Date.now() - start) / 1_000).toFixed(1)
    const { blocks, authors, forkers } = golden
    console.log(
      `${blocks} blocks by ${authors} authors, ${forkers} of them forkers, in ${orders} orders: ` +
        `order ${order.slice(0, 8)}, digest ${digest.slice(0, 8)}, state ${state.slice(0, 8)} as native (${seconds} s)`,
    )
  }
}

if (isMainThread) await main(process.argv[2])
else parentPort.postMessage(await deliver(workerData))
