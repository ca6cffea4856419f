/** The room as the application holds it: every method hands on to the hub. */
import { MeshError } from './errors.js'
import { EVERYONE, STATES_TOPIC, type Handler, type Hub } from './hub.js'
import { MeshRoomLedger } from './ledger/room-ledger.js'
import type { RoomLedger, SharedStore, StoreAction, StoreOptions } from './ledger/types.js'
import type { MeshPeer } from './peer.js'
import type { Reception } from './reception.js'
import type {
  Abortable,
  LossyChannel,
  PeerId,
  Presence,
  ReliableChannel,
  Report,
  Room,
  RoomEvents,
  RoomStatus,
  SendResult,
  StreamOptions,
  Unsubscribe,
} from './types.js'

/** Safari has no such symbol yet; the name by which polyfills register it does no harm. */
const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as typeof Symbol.asyncDispose)

/** The object behind {@link Room}. */
export class MeshRoom implements Room {
  readonly presence: Presence<unknown>
  readonly ledger: RoomLedger
  readonly #hub: Hub
  readonly #reception: Reception

  constructor(hub: Hub, reception: Reception) {
    this.#hub = hub
    this.#reception = reception
    this.ledger = new MeshRoomLedger(hub)
    this.presence = {
      get value() {
        return hub.shownPresence
      },
      set: (value) => hub.setPresence(value),
      clear: () => hub.clearPresence(),
    }
  }

  get selfId(): PeerId {
    return this.#hub.selfId
  }

  get address(): string {
    return this.#hub.address
  }

  get peers(): ReadonlyMap<PeerId, MeshPeer> {
    return this.#hub.peers
  }

  get status(): RoomStatus {
    return this.#hub.status
  }

  on<E extends keyof RoomEvents>(event: E, listener: (...given: RoomEvents[E]) => void): Unsubscribe {
    const off = this.#hub.events.on(event, listener as (...given: RoomEvents[E] & unknown[]) => void)
    if (event === 'message') this.#reception.hearMessages()
    return off
  }

  send(data: unknown, options?: Abortable): Promise<SendResult> {
    return this.#hub.send(EVERYONE, data, options)
  }

  handle(name: string, handler: Handler): Unsubscribe {
    const { handlers } = this.#hub
    if (handlers.has(name)) {
      throw new MeshError('InvalidArgument', { message: `'${name}' has a handler already`, found: name })
    }
    handlers.set(name, handler)
    return () => {
      if (handlers.get(name) === handler) handlers.delete(name)
    }
  }

  channel<M>(name: string, options: { reliable: false }): LossyChannel<M>
  channel<M>(name: string, options?: { reliable?: true }): ReliableChannel<M>
  channel(name: string, options?: { reliable?: boolean }): LossyChannel<unknown> | ReliableChannel<unknown> {
    if (name === STATES_TOPIC) {
      throw new MeshError('InvalidArgument', { message: `'${name}' is a channel of the library`, found: name })
    }
    const { topics } = this.#hub
    return options?.reliable === false ? topics.lossy(name) : topics.reliable(name)
  }

  store<S, A extends StoreAction>(name: string, options: StoreOptions<S, A>): SharedStore<S, A> {
    if (this.#hub.closedBy !== undefined) throw this.#hub.closedError()
    return this.#hub.ledger.stores.open(name, options)
  }

  addStream(stream: MediaStream, options: StreamOptions = {}): void {
    this.#hub.addStream(stream, options.to?.id ?? EVERYONE, options.label ?? '')
  }

  replaceTrack(old: MediaStreamTrack, next: MediaStreamTrack): Promise<void> {
    return this.#hub.replaceTrack(old, next)
  }

  removeStream(stream: MediaStream): void {
    this.#hub.removeStream(stream)
  }

  diagnose(options?: Abortable): Promise<Report> {
    return this.#hub.diagnose(options)
  }

  leave(options?: Abortable): Promise<void> {
    return this.#hub.leave(options)
  }

  [asyncDispose](): Promise<void> {
    return this.leave()
  }
}
