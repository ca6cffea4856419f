// Processes the suite started, and nothing else: every kill, stop and clean-up goes by pid through here.
import { readdirSync, readFileSync } from 'node:fs'

const roots = new Set()

/** Remembers a process the suite started, so that it dies with the suite whatever happens. */
export function own(pid) {
  roots.add(pid)
  return pid
}

/** The process and everything below it, parents first. A browser is a tree of a dozen processes. */
export function tree(root) {
  const children = new Map()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      // The command name is in parentheses and may itself hold spaces and parentheses.
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      if (!children.has(parent)) children.set(parent, [])
      children.get(parent).push(Number(name))
    } catch {
      // It ended between the listing and the read.
    }
  }
  const pids = [root]
  for (let index = 0; index < pids.length; index += 1) pids.push(...(children.get(pids[index]) ?? []))
  return pids
}

/** Sends one signal to the whole tree, taken as it is at this moment. */
export function signalTree(root, signal) {
  const pids = tree(root)
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
  }
  return pids
}

/** Kills the whole tree with SIGKILL: no page hears of it, exactly as when a machine loses power. */
export function killTree(root) {
  roots.delete(root)
  signalTree(root, 'SIGKILL')
}

/** True while the process exists and is not a zombie. */
export function alive(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat[stat.lastIndexOf(')') + 2] !== 'Z'
  } catch {
    return false
  }
}

/** Resolves when the child has ended; kills it when it has not within `within` ms. */
export async function ended(child, within) {
  if (child.exitCode !== null || child.signalCode !== null) return
  await new Promise((resolve) => {
    const timer = setTimeout(() => killTree(child.pid), within)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
  })
  roots.delete(child.pid)
}

function killAll() {
  for (const pid of [...roots]) {
    try {
      killTree(pid)
    } catch {
      // The process is ending anyway; there is nobody left to tell.
    }
  }
}

process.on('exit', killAll)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    killAll()
    process.exit(1)
  })
}
