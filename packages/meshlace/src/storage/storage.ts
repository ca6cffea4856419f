/**
 * Where a room keeps what it must not lose: records of the core, which only the core understands, and a
 * few values of our own.
 */
import { MeshError } from '../errors.js'

/** A change of a record. */
export interface RecordChange {
  readonly key: Uint8Array
  /** None: the record is removed. */
  readonly bytes: Uint8Array | undefined
  /** Whether it takes the place of one that is there already. */
  readonly replace: boolean
}

/** A value of our own and its name. */
export interface NamedValue {
  readonly name: string
  readonly value: unknown
}

/** One room's storage. Every method may reject with a MeshError, after which nothing here can be used. */
export interface RoomStorage {
  /** Hands over all records, in rising order of their keys. */
  read(visit: (key: Uint8Array, bytes: Uint8Array) => void): Promise<void>
  /**
   * Resolves when all of it is on disk, the values too; nothing of it is there if not. It comes there even if the page
   * ends with this turn. A value that is undefined is removed.
   */
  commit(changes: readonly RecordChange[], ...values: readonly NamedValue[]): Promise<void>
  /** A value of our own; undefined if there is none. */
  value(name: string): Promise<unknown>
  /**
   * Puts what `change` makes of a value in its place; no other page changes it in between. Resolves to it
   * when it is on disk. Undefined removes it.
   */
  update(name: string, change: (value: unknown) => unknown): Promise<unknown>
  /** All values whose names begin like this, by name. */
  values(prefix: string): Promise<Map<string, unknown>>
  /** Lets go. */
  close(): void
}

/** Keeps nothing beyond the page. */
export class MemoryStorage implements RoomStorage {
  readonly #records = new Map<string, [Uint8Array, Uint8Array]>()
  readonly #values = new Map<string, unknown>()

  async read(visit: (key: Uint8Array, bytes: Uint8Array) => void): Promise<void> {
    for (const name of [...this.#records.keys()].sort()) visit(...this.#records.get(name)!)
  }

  async commit(changes: readonly RecordChange[], ...values: readonly NamedValue[]): Promise<void> {
    for (const { name, value } of values) this.#set(name, value)
    for (const { key, bytes, replace } of changes) {
      const name = String.fromCharCode(...key)
      if (bytes === undefined) this.#records.delete(name)
      else if (replace || !this.#records.has(name)) this.#records.set(name, [key, bytes])
    }
  }

  async value(name: string): Promise<unknown> {
    return this.#values.get(name)
  }

  async values(prefix: string): Promise<Map<string, unknown>> {
    return new Map([...this.#values].filter(([name]) => name.startsWith(prefix)))
  }

  async update(name: string, change: (value: unknown) => unknown): Promise<unknown> {
    const value = change(this.#values.get(name))
    this.#set(name, value)
    return value
  }

  close(): void {}

  #set(name: string, value: unknown): void {
    if (value === undefined) this.#values.delete(name)
    else this.#values.set(name, structuredClone(value))
  }
}

/** What a browser's refusal is called here. */
export function storageError(cause: unknown): MeshError {
  const { name } = Object(cause) as { name?: string }
  const code = name === 'QuotaExceededError' ? 'StorageFull' : 'StorageRefused'
  return new MeshError(code, { found: String(cause), cause })
}
