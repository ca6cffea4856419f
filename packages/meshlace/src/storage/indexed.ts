/**
 * Storage in IndexedDB: a database for each room, and one for the profile that all rooms of a site share.
 *
 * The few calls that are needed are wrapped here: the usual wrapper turns every object of IndexedDB into
 * a proxy, at ten times the size.
 */
import { MeshError } from '../errors.js'
import { storageError, type NamedValue, type RecordChange, type RoomStorage } from './storage.js'

/** One room's storage. */
export class IndexedStorage implements RoomStorage {
  readonly #database: IDBDatabase
  /** Another page stores the same blocks, or did. */
  #isShared = false

  private constructor(database: IDBDatabase) {
    this.#database = database
  }

  /**
   * Opens the database of this name, or makes it.
   *
   * @throws MeshError `StorageRefused` or `StorageFull`: private windows, blocked or full storage, or a
   * version that a later release made.
   */
  static async open(name: string): Promise<IndexedStorage> {
    const database = await open(name)
    // Another tab removes the database or has a later release: let it, and say so at the next commit.
    database.onversionchange = () => database.close()
    return new IndexedStorage(database)
  }

  read(visit: (key: Uint8Array, bytes: Uint8Array) => void): Promise<void> {
    return this.#run('readonly', async (store) => {
      let after: IDBKeyRange | undefined
      for (;;) {
        const [keys, values] = await Promise.all([
          result(store(RECORDS).getAllKeys(after, READ_COUNT)),
          result(store(RECORDS).getAll(after, READ_COUNT)),
        ])
        keys.forEach((key, at) => visit(new Uint8Array(key as ArrayBuffer), values[at] as Uint8Array))
        if (keys.length < READ_COUNT) return
        after = IDBKeyRange.lowerBound(keys.at(-1), true)
      }
    })
  }

  async commit(changes: readonly RecordChange[], ...values: readonly NamedValue[]): Promise<void> {
    const wasShared = this.#isShared
    try {
      await this.#put(changes, values, !wasShared)
    } catch (error) {
      // Chromium takes all of it back for a record that is there already, if it was told that no more comes.
      if (wasShared === this.#isShared) throw error
      await this.#put(changes, values, false)
    }
  }

  #put(changes: readonly RecordChange[], values: readonly NamedValue[], isWhole: boolean): Promise<void> {
    return this.#run('readwrite', async (store, transaction) => {
      for (const { name, value } of values) put(store(VALUES), name, value)
      const records = store(RECORDS)
      for (const { key, bytes, replace } of changes) {
        const name = key as Uint8Array<ArrayBuffer>
        if (bytes === undefined) records.delete(name)
        else if (replace) records.put(bytes, name)
        else records.add(bytes, name).onerror = this.#leaveAsIs
      }
      // Without this it ends when the page has heard of each of these, and a page that ends does not hear of them.
      if (isWhole) transaction.commit?.()
    })
  }

  /** The record is there already: that must not abort the transaction. Anything else must. */
  readonly #leaveAsIs = (event: Event): void => {
    if ((event.target as IDBRequest).error?.name !== 'ConstraintError') return
    this.#isShared = true
    event.preventDefault()
    event.stopPropagation()
  }

  value(name: string): Promise<unknown> {
    return this.#run('readonly', (store) => result(store(VALUES).get(name)))
  }

  values(prefix: string): Promise<Map<string, unknown>> {
    return this.#run('readonly', async (store) => {
      const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`)
      const [names, values] = await Promise.all([
        result(store(VALUES).getAllKeys(range)),
        result(store(VALUES).getAll(range)),
      ])
      return new Map(names.map((name, at) => [name as string, values[at] as unknown]))
    })
  }

  update(name: string, change: (value: unknown) => unknown): Promise<unknown> {
    return this.#run('readwrite', async (store) => {
      const value = change(await result(store(VALUES).get(name)))
      put(store(VALUES), name, value)
      return value
    })
  }

  close(): void {
    this.#database.close()
  }

  /** Runs a transaction; what `use` gives counts when it is complete, and on disk where it wrote. */
  async #run<V>(
    mode: IDBTransactionMode,
    use: (store: (name: string) => IDBObjectStore, transaction: IDBTransaction) => Promise<V>,
  ): Promise<V> {
    try {
      const transaction = this.#database.transaction([RECORDS, VALUES], mode, { durability: 'strict' })
      const complete = new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve()
        transaction.onabort = () => reject(transaction.error ?? new Error('the transaction was aborted'))
      })
      const [value] = await Promise.all([use((name) => transaction.objectStore(name), transaction), complete])
      return value
    } catch (cause) {
      throw storageError(cause)
    }
  }
}

async function open(name: string): Promise<IDBDatabase> {
  let late: ReturnType<typeof setTimeout> | undefined
  try {
    // Where access to storage is blocked as a whole even the name throws.
    const request = indexedDB.open(name, VERSION)
    request.onupgradeneeded = () => {
      for (const store of [RECORDS, VALUES]) request.result.createObjectStore(store)
    }
    const never = new Promise<never>((_, reject) => {
      const tooLate = () => reject(new Error(`'${name}' did not open within ${OPEN_MS} ms`))
      late = setTimeout(tooLate, OPEN_MS)
    })
    // A later answer must not leave a connection that blocks others.
    return await Promise.race([result(request), never]).catch((cause: unknown) => {
      request.onsuccess = () => request.result.close()
      throw cause
    })
  } catch (cause) {
    throw cause instanceof MeshError ? cause : storageError(cause)
  } finally {
    clearTimeout(late)
  }
}

function result<V>(request: IDBRequest<V>): Promise<V> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('the request failed'))
  })
}

/** Puts a value; undefined removes it. */
function put(values: IDBObjectStore, name: string, value: unknown): void {
  if (value === undefined) values.delete(name)
  else values.put(value, name)
}

const VERSION = 1
const RECORDS = 'records'
const VALUES = 'values'
/** Records read at a time: some hundreds of kilobytes. */
const READ_COUNT = 1_024
/** Some browsers never answer in some modes. Units: milliseconds. */
const OPEN_MS = 5_000
