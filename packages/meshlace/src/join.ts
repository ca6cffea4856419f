/** Opens a room: loads the core, starts it, and waits until the server has let us in. */
import { Driver } from './driver.js'
import { MeshError } from './errors.js'
import { Hub } from './hub.js'
import { openRoom, profileOf } from './ledger/opening.js'
import type { Machine, MachineIceServer } from './machine.js'
import { passphraseAddress } from './passphrase.js'
import { Reception } from './reception.js'
import { MeshRoom } from './room.js'
import { makeSpare } from './spare.js'
import type { CreateOptions, JoinOptions, Room, RoomShape } from './types.js'

/** The WebAssembly module, ready to make cores. */
export interface Core {
  /** @throws MeshError-shaped values where the address or an option cannot be used. */
  machine(given: Given): Machine
  /** A new room. */
  createRoom(given: Founding): Founded
  /** The hash of a state. */
  stateHash(bytes: Uint8Array): Uint8Array
}

/** A room that was just made. */
export interface Founded {
  readonly address: string
  readonly genesis: Uint8Array
}

/** What a room is made from. */
export interface Founding {
  readonly owned: boolean
  readonly name: string
  readonly profile: Uint8Array
  readonly nonce: Uint8Array
  readonly secret: Uint8Array
  readonly page: string | undefined
  readonly server: string
}

/** What a core is made from. */
export interface Given {
  readonly address: string
  readonly server: string | undefined
  readonly identity: Uint8Array | undefined
  readonly seed: Uint8Array
  readonly iceServers: MachineIceServer[] | undefined
  readonly relayOnly: boolean
  readonly timeoutMs: number | undefined
  readonly wall: number
}

/** What whoever made a room brings to it. */
interface Founder {
  readonly profile: Uint8Array
  readonly genesis: Uint8Array
}

/** Joins the room at `address`. `load` gives the core. */
export async function join<T extends RoomShape>(
  load: () => Promise<Core>,
  address: string,
  options: JoinOptions,
  founder?: Founder,
): Promise<Room<T>> {
  const { signal } = options
  signal?.throwIfAborted()
  if (typeof RTCPeerConnection === 'undefined') throw new MeshError('NoWebRtc')
  checkOptions(address, options)
  const [core, opened] = await Promise.all([
    load(),
    options.passphrase === undefined ? address : passphraseAddress(address, options.passphrase),
  ])
  signal?.throwIfAborted()
  const machine = core.machine({
    address: opened,
    server: options.server ?? defaultServer(opened),
    identity: options.identity,
    seed: crypto.getRandomValues(new Uint8Array(32)),
    iceServers: options.iceServers?.map(({ urls, username, credential }) => ({
      urls: typeof urls === 'string' ? [urls] : [...urls],
      username,
      credential,
    })),
    relayOnly: options.iceTransportPolicy === 'relay',
    timeoutMs: options.timeout,
    wall: Date.now(),
  })
  return admission(core, machine, options, founder) as unknown as Promise<Room<T>>
}

/** Makes a room of fresh random bytes and joins it. */
export async function create<T extends RoomShape>(
  load: () => Promise<Core>,
  options: CreateOptions,
): Promise<Room<T>> {
  options.signal?.throwIfAborted()
  if (typeof RTCPeerConnection === 'undefined') throw new MeshError('NoWebRtc')
  const { page } = options
  const server = options.server ?? (page === undefined ? defaultServer('') : originOf(page))
  if (server === undefined) {
    throw new MeshError('InvalidArgument', { message: 'createRoom needs a server', expected: 'server' })
  }
  const random = (count: number) => crypto.getRandomValues(new Uint8Array(count))
  const [core, profile] = await Promise.all([
    load(),
    options.storage === 'memory' ? random(32) : profileOf().then(({ secret }) => secret),
  ])
  const { owned = false, name = '' } = options
  const { address, genesis } = core.createRoom({ owned, name, profile, nonce: random(16), secret: random(16), page, server })
  return join(load, address, options, { profile, genesis })
}

function admission(
  core: Core,
  machine: Machine,
  { signal, storage = 'browser' }: JoinOptions,
  founder: Founder | undefined,
): Promise<MeshRoom> {
  return new Promise((resolve, reject) => {
    const hub = new Hub(machine, (bytes) => core.stateHash(bytes))
    // Beside the wait for the server: neither is worth waiting for before the other begins.
    const opening = openRoom(roomName(hub.address), storage, founder?.profile)
    const enter = () => {
      signal?.removeEventListener('abort', abort)
      resolve(new MeshRoom(hub, reception))
      hub.handedOver()
    }
    const reception = new Reception(hub, {
      admitted: () => void opened.then(enter),
      failed(error) {
        signal?.removeEventListener('abort', abort)
        reject(error)
        hub.handedOver()
      },
    })
    hub.driver = new Driver(machine, reception)
    hub.driver.records = hub.ledger
    const opened = hub.ledger.open(opening, founder?.genesis)
    const abort = () => {
      reject(signal?.reason as Error)
      void hub.leave(undefined)
    }
    signal?.addEventListener('abort', abort, { once: true })
    hub.driver.input((machine) => machine.start())
    // The server is asked at the end of this turn.
    queueMicrotask(makeSpare)
  })
}

/** What names a room's storage: no part of it is secret. */
function roomName(address: string): string {
  return address.slice(address.indexOf('#') + 1).split(/[.@]/, 1)[0]!
}

/** The server that a page came from, where it came from one. */
function originOf(page: string): string | undefined {
  try {
    const { origin } = new URL(page)
    return origin === 'null' ? undefined : origin
  } catch {
    return undefined
  }
}

/** A bare name or fragment opened in a page means the server that the page came from. */
function defaultServer(address: string): string | undefined {
  if (/^[a-z]+:\/\//i.test(address) || typeof location === 'undefined') return undefined
  return location.protocol.startsWith('http') ? location.origin : undefined
}

function checkOptions(
  address: unknown,
  { identity, timeout, iceTransportPolicy, passphrase, storage = 'browser' }: JoinOptions,
): void {
  const refuse = (name: string, expected: string, found: unknown) => {
    const message = `${name} must be ${expected}`
    throw new MeshError('InvalidArgument', { message, expected, found: String(found) })
  }
  if (typeof address !== 'string') refuse('address', 'a string', typeof address)
  if (identity !== undefined && !(identity instanceof Uint8Array && identity.length === 32)) {
    refuse('identity', 'a Uint8Array of 32 bytes', identity?.length ?? typeof identity)
  }
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout > 0)) {
    refuse('timeout', 'a positive number of milliseconds', timeout)
  }
  if (iceTransportPolicy !== undefined && iceTransportPolicy !== 'all' && iceTransportPolicy !== 'relay') {
    refuse('iceTransportPolicy', "'all' or 'relay'", iceTransportPolicy)
  }
  if (storage !== 'browser' && storage !== 'memory') refuse('storage', "'browser' or 'memory'", storage)
  if (passphrase !== undefined && (typeof passphrase !== 'string' || passphrase === '')) {
    refuse('passphrase', 'a string that is not empty', typeof passphrase)
  }
}
