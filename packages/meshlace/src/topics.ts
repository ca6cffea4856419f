/** Named channels: who listens to which, and what waits for a first subscriber. */
import { MeshError } from './errors.js'
import type { Hub } from './hub.js'
import type { MeshPeer } from './peer.js'
import type { LossyChannel, ReliableChannel, Unsubscribe } from './types.js'
import { UNHEARD_BYTES_MAX, UNHEARD_COUNT_MAX } from './unheard.js'

type Listener = (data: unknown, peer: MeshPeer) => unknown

interface Kept {
  readonly topic: string
  readonly data: unknown
  readonly peer: MeshPeer
  readonly bytes: number
}

/** The channels of one room. */
export class Topics {
  readonly #hub: Hub
  /** A topic that was ever subscribed stays here: nothing is kept for it any more. */
  readonly #listeners = new Map<string, Set<Listener>>()
  /** One bound for all topics together: a peer can make up as many names as it likes. */
  #kept: Kept[] = []
  #keptBytes = 0
  #reported = false

  constructor(hub: Hub) {
    this.#hub = hub
  }

  /** A message came in. */
  arrived(topic: string, data: unknown, peer: MeshPeer, bytes: number): void {
    const listeners = this.#listeners.get(topic)
    if (listeners !== undefined) {
      for (const listener of [...listeners]) this.#call(listener, topic, data, peer)
      return
    }
    if (this.#kept.length < UNHEARD_COUNT_MAX && this.#keptBytes + bytes <= UNHEARD_BYTES_MAX) {
      this.#kept.push({ topic, data, peer, bytes })
      this.#keptBytes += bytes
    } else if (!this.#reported) {
      this.#reported = true
      this.#hub.report(
        new MeshError('QueueFull', {
          message: `channel '${topic}' has no subscriber: messages on it are dropped`,
          found: topic,
          limit: UNHEARD_COUNT_MAX,
        }),
      )
    }
  }

  subscribe(topic: string, listener: Listener): Unsubscribe {
    const own: Listener = (data, peer) => listener(data, peer)
    let listeners = this.#listeners.get(topic)
    if (listeners === undefined) {
      this.#listeners.set(topic, (listeners = new Set()))
      this.#release(topic)
    }
    listeners.add(own)
    return () => void listeners.delete(own)
  }

  reliable(name: string): ReliableChannel<unknown> {
    return {
      name,
      send: (data, options) => this.#hub.sendTopic(options?.to?.id ?? '', name, data, options),
      subscribe: (listener) => this.subscribe(name, listener as Listener),
    }
  }

  lossy(name: string): LossyChannel<unknown> {
    return {
      name,
      send: (data, options) => this.#hub.sendLossy(options?.to?.id ?? '', name, data),
      subscribe: (listener) => this.subscribe(name, listener as Listener),
    }
  }

  clear(): void {
    this.#listeners.clear()
    this.#kept = []
  }

  /** Hands over what waited, after the subscriber has its way to unsubscribe in hand. */
  #release(topic: string): void {
    const waited = this.#kept.filter((kept) => kept.topic === topic)
    if (waited.length === 0) return
    this.#kept = this.#kept.filter((kept) => kept.topic !== topic)
    for (const { bytes } of waited) this.#keptBytes -= bytes
    queueMicrotask(() => {
      for (const { data, peer, bytes } of waited) this.arrived(topic, data, peer, bytes)
    })
  }

  #call(listener: Listener, topic: string, data: unknown, peer: MeshPeer): void {
    try {
      const result = listener(data, peer)
      if (result instanceof Promise) {
        result.catch((cause: unknown) => this.#hub.listenerFailed(cause, `channel ${topic}`))
      }
    } catch (cause) {
      this.#hub.listenerFailed(cause, `channel ${topic}`)
    }
  }
}

