// A network of our own, made of Linux namespaces, so that the path under a link can be cut and come back. CDP's network
// emulation does not touch WebRTC, and nothing of the machine's own network is changed here: the namespaces live as long
// as the processes that hold them.
//
//                 switch: bridge 10.77.0.1 (server and site run here)
//                 /                                   \
//        a: 10.77.0.2 (a browser)            b: 10.77.0.3 (another)
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { ended, killTree, own } from './processes.js'

const BRIDGE = '10.77.0.1'
const READY_MS_MAX = 10_000

export class Network {
  #holders = []
  #switch
  #hosts = {}
  gateway = BRIDGE

  /** Makes the switch and one host per name. */
  async start(...names) {
    installRoutingTools()
    this.#switch = await this.#hold([])
    this.#ip(this.#switch, 'link set lo up', 'link add mesh0 type bridge', `addr add ${BRIDGE}/24 dev mesh0`, 'link set mesh0 up')
    for (const [index, name] of names.entries()) {
      const pid = await this.#hold(this.#enter(this.#switch))
      const port = `port-${name}`
      this.#ip(
        this.#switch,
        `link add ${port} type veth peer name up0`,
        `link set up0 netns ${pid}`,
        `link set ${port} master mesh0`,
        `link set ${port} up`,
      )
      const address = `10.77.0.${index + 2}`
      this.#ip(pid, 'link set lo up', `addr add ${address}/24 dev up0`, 'link set up0 up', `route add default via ${BRIDGE}`)
      this.#hosts[name] = { pid, port, address }
    }
    return this
  }

  /** The command prefix that runs a program at the switch (where server and site belong) or on a host. */
  at(name) {
    return this.#enter(name === 'switch' ? this.#switch : this.#hosts[name].pid)
  }

  /** Cuts the path between hosts without telling anybody; both still reach the server. */
  cutBetween(...names) {
    for (const name of names) this.#ip(this.#switch, `link set ${this.#hosts[name].port} type bridge_slave isolated on`)
  }

  healBetween(...names) {
    for (const name of names) this.#ip(this.#switch, `link set ${this.#hosts[name].port} type bridge_slave isolated off`)
  }

  /** Cuts a host off from everything, silently: packets vanish, the interface stays up. */
  cut(name) {
    this.#ip(this.#switch, `link set ${this.#hosts[name].port} nomaster`)
  }

  heal(name) {
    this.#ip(this.#switch, `link set ${this.#hosts[name].port} master mesh0`)
  }

  /** Pulls the cable: the interface goes down and the browser is told that it is offline. */
  unplug(name) {
    this.#ip(this.#switch, `link set ${this.#hosts[name].port} down`)
  }

  plug(name) {
    this.#ip(this.#switch, `link set ${this.#hosts[name].port} up`)
  }

  /** Gives a host another address, as a change from Wi-Fi to a cable does. */
  readdress(name, last) {
    const host = this.#hosts[name]
    const address = `10.77.0.${last}`
    this.#ip(host.pid, `addr del ${host.address}/24 dev up0`, `addr add ${address}/24 dev up0`, `route add default via ${BRIDGE}`)
    host.address = address
  }

  /** Starts a process that keeps a fresh network namespace alive, and returns its pid. */
  async #hold(prefix) {
    const first = prefix.length === 0
    // The first namespace needs the right to make one: given to root, and to others inside a user namespace.
    const unshare = ['unshare', ...(first && process.getuid() !== 0 ? ['--user', '--map-root-user'] : []), '--net']
    const [command, ...rest] = [...prefix, ...unshare, 'sh', '-c', 'echo ready; exec sleep 3600']
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
    own(child.pid)
    this.#holders.push(child)
    await new Promise((resolve, reject) => {
      let complaint = ''
      child.stderr.on('data', (chunk) => (complaint += chunk))
      child.stdout.once('data', resolve)
      child.once('exit', () => reject(new Error(`no network namespace: ${complaint}`)))
      setTimeout(() => reject(new Error(`no network namespace within ${READY_MS_MAX} ms: ${complaint}`)), READY_MS_MAX).unref()
    })
    return child.pid
  }

  #enter(pid) {
    return ['nsenter', '--target', String(pid), ...(process.getuid() === 0 ? [] : ['--user', '--preserve-credentials']), '--net']
  }

  #ip(pid, ...commands) {
    for (const line of commands) {
      const [command, ...rest] = [...this.#enter(pid), 'ip', ...line.split(' ')]
      execFileSync(command, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
    }
  }

  async close() {
    for (const child of this.#holders.reverse()) {
      const gone = ended(child, 2_000)
      killTree(child.pid)
      await gone
    }
  }
}

/** `ip` comes with iproute2, which a minimal Debian leaves out. */
function installRoutingTools() {
  if (spawnSync('ip', ['-V']).status === 0) return
  const command = ['apt-get', 'install', '-y', '--no-install-recommends', 'iproute2']
  console.log(`installing iproute2: ${command.join(' ')}`)
  if (process.getuid() !== 0) command.unshift('sudo', '-n')
  execFileSync(command[0], command.slice(1), { stdio: 'ignore' })
}
