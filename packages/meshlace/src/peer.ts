/** One participant as the application holds it. */
import type { Hub } from './hub.js'
import type { Abortable, Peer, PeerId, PeerState, RequestOptions } from './types.js'

/** The object behind {@link Peer}: a name and what was last told of it. */
export class MeshPeer implements Peer {
  readonly id: PeerId
  state: PeerState = 'linking'
  presence: unknown = undefined
  streams: ReadonlyMap<MediaStream, string> = new Map()
  readonly #hub: Hub

  constructor(hub: Hub, id: PeerId) {
    this.#hub = hub
    this.id = id
  }

  async send(data: unknown, options?: Abortable): Promise<void> {
    const { failed } = await this.#hub.send(this.id, data, options)
    for (const error of failed.values()) throw error
  }

  request(name: string, query?: unknown, options?: RequestOptions): Promise<unknown> {
    return this.#hub.request(this.id, name, query, options)
  }

  drained(options?: Abortable): Promise<void> {
    return this.#hub.drainedOf(this.id, options)
  }
}
