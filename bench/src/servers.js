// Starts the contestants' servers, each in a process of its own, on a loopback port the system chose.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

const START_MS_MAX = 15_000

/** The release build that `cargo xtask build` leaves. */
export const MESHLACE = fileURLToPath(new URL('../../target/release/meshlace', import.meta.url))

/**
 * @typedef {object} Server
 * @property {string} url `http://127.0.0.1:<port>`
 * @property {() => Promise<number>} residentBytes memory of the server process that is in RAM
 * @property {() => Promise<void>} stop
 */

export const startTrivial = () => startNode('servers/trivial.js')

export const startPeerServer = () => startNode('servers/peerserver.js')

/** y-webrtc's own server; it prints no port, so it is given one that was free a moment ago. */
export async function startYWebrtc() {
  const script = fileURLToPath(new URL('../node_modules/y-webrtc/bin/server.js', import.meta.url))
  const port = await freePort()
  const env = { ...process.env, PORT: String(port) }
  return start(process.execPath, [script], { env, listening: () => port })
}

/** `meshlace serve` as released, with its defaults. */
export function startMeshlace() {
  if (!existsSync(MESHLACE)) {
    throw new Error('target/release/meshlace is not built; `cargo xtask build` makes it')
  }
  return start(MESHLACE, ['serve', '--host', '127.0.0.1', '--port', '0'], {
    listening: (output) => output.match(/https?:\/\/[\w.[\]]+:(\d+)/)?.[1],
  })
}

function startNode(script) {
  return start(process.execPath, [fileURLToPath(new URL(script, import.meta.url))], {
    listening: (output) => output.match(/listening on (\d+)/)?.[1],
  })
}

async function start(command, args, { env = process.env, listening }) {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  let output = ''
  const port = await new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`${command} ${args.join(' ')}: ${why}\n${output}`))
    const timer = setTimeout(() => fail('did not listen in time'), START_MS_MAX)
    const read = (chunk) => {
      // Servers that log every client would otherwise be remembered line by line.
      output = (output + chunk).slice(-4096)
      const found = listening(output)
      if (!found) return
      clearTimeout(timer)
      resolve(Number(found))
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('error', (error) => fail(error.message))
    child.once('exit', (code) => fail(`ended with ${code}`))
  }).catch((error) => {
    child.kill('SIGKILL')
    throw error
  })
  return {
    url: `http://127.0.0.1:${port}`,
    async residentBytes() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
      return Number(status.match(/^VmRSS:\s+(\d+) kB/m)[1]) * 1024
    },
    async stop() {
      const timer = setTimeout(() => child.kill('SIGKILL'), 3_000)
      child.kill('SIGTERM')
      await exited
      clearTimeout(timer)
    },
  }
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}
