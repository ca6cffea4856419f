// Memory of a signalling server per idle client.
//
// Clients of `bench/load` speak each server's own protocol until it has admitted them, in rooms of
// ten, and then only what the protocol wants of an idle client. Measured: resident memory of the
// server process after all were admitted and it had time to settle, less what it had before, per
// client. Sockets' buffers in the kernel are not in it, for none of them.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { OURS } from '../contestants.js'
import { startMeshlace, startPeerServer, startYWebrtc } from '../servers.js'

const LOAD = fileURLToPath(new URL('../../load/target/release/meshlace-bench-load', import.meta.url))

/**
 * Builds the clients. Where it fails the measure says that they are not built.
 *
 * @returns {void}
 */
export function buildClients() {
  const manifest = fileURLToPath(new URL('../../load/Cargo.toml', import.meta.url))
  const args = ['build', '--release', '--locked', '--quiet', '--manifest-path', manifest]
  // The core's warnings are shown where the core is built.
  const { status, stderr } = spawnSync('cargo', args, { encoding: 'utf8' })
  if (status !== 0) process.stderr.write(`${stderr ?? 'cargo is not installed'}\n`)
}

const SETTLE_MS = { full: 5_000, quick: 2_000 }

const SERVERS = {
  PeerServer: { protocol: 'peerjs', start: startPeerServer },
  'y-webrtc server': { protocol: 'y-webrtc', start: startYWebrtc },
  [OURS]: { protocol: 'meshlace', start: startMeshlace },
}

const GOALS = [
  { against: 'PeerServer', atMost: 1 },
  { against: 'y-webrtc server', atMost: 1 },
  { atMost: 10 },
]

async function bytesPerClient({ quick }, { contestant }, clients) {
  if (!existsSync(LOAD)) {
    throw new Error('bench/load is not built; `cargo build --release` in bench/load makes it')
  }
  const { protocol, start } = SERVERS[contestant]
  const server = await start()
  try {
    const settle = () => sleep(quick ? SETTLE_MS.quick : SETTLE_MS.full)
    await settle()
    const before = await server.residentBytes()
    const load = await admit(protocol, server.url, clients)
    try {
      await settle()
      load.assertAlive()
      return ((await server.residentBytes()) - before) / clients
    } finally {
      await load.stop()
    }
  } finally {
    await server.stop()
  }
}

/** Starts the clients and resolves when the server has admitted all of them. */
async function admit(protocol, url, clients) {
  const child = spawn(LOAD, ['--protocol', protocol, '--url', url, '--clients', String(clients)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let complaint = ''
  child.stderr.on('data', (chunk) => (complaint = (complaint + chunk).slice(-2048)))
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const admitted = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve)
    exited.then((code) => reject(new Error(`load client ended with ${code}: ${complaint.trim()}`)))
  })
  await admitted
  return {
    assertAlive() {
      if (child.exitCode !== null) throw new Error(`clients were lost: ${complaint.trim()}`)
    },
    async stop() {
      child.stdin.end() // The clients close when their input ends.
      await exited
    },
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

function measure(id, clients, rounds) {
  return {
    group: 'idle',
    title: `Memory of the server with ${clients.toLocaleString('en')} idle clients`,
    rows: [
      {
        id,
        label: `server memory per client, ${clients.toLocaleString('en')} idle`,
        unit: 'KB',
        better: 'lower',
        goals: GOALS,
      },
    ],
    entries: Object.keys(SERVERS).map((contestant) => ({ contestant, serverless: true })),
    rounds,
    budgetMs: 120_000,
    runMsMax: 60_000,
    async run(context, entry) {
      return { [id]: (await bytesPerClient(context, entry, clients)) / 1000 }
    },
  }
}

/** @type {import('./measure.js').Measure[]} */
export const IDLE = [
  measure('idle-1000', 1_000, { full: 3, quick: 1 }),
  measure('idle-10000', 10_000, { full: 1, quick: 1 }),
]
