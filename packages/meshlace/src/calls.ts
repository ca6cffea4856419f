/** The calls of the application that the core has not answered yet, by ticket. */
import type { MeshError } from './errors.js'
import type { PeerId, SendResult } from './types.js'

/** One call under way. */
export interface Call {
  readonly ticket: number
  /** Settled: whatever comes for it now is too late. */
  settled: boolean
  /** The core has it: what becomes of it after an end without an answer, nobody knows. */
  isFed: boolean
  /** What became of a send so far. */
  readonly delivered: PeerId[]
  readonly failed: Map<PeerId, MeshError>
  resolve(value: unknown): void
  reject(reason: unknown): void
}

/** Hands out tickets and keeps the promises. */
export class Calls {
  readonly #calls = new Map<number, Call>()
  #last = 0

  /**
   * Opens a call and gives it to `start`. When `signal` aborts, the call rejects with its reason and
   * `cancel` is told.
   */
  open<V>(signal: AbortSignal | undefined, cancel: (ticket: number) => void, start: (call: Call) => void): Promise<V> {
    return new Promise<V>((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error)
        return
      }
      this.#last = (this.#last + 1) >>> 0
      const ticket = this.#last
      const abort = () => {
        call.reject(signal?.reason)
        cancel(ticket)
      }
      const settle = () => {
        call.settled = true
        this.#calls.delete(ticket)
        signal?.removeEventListener('abort', abort)
      }
      const call: Call = {
        ticket,
        settled: false,
        isFed: false,
        delivered: [],
        failed: new Map(),
        resolve(value) {
          settle()
          resolve(value as V)
        },
        reject(reason) {
          settle()
          reject(reason as Error)
        },
      }
      signal?.addEventListener('abort', abort)
      this.#calls.set(ticket, call)
      start(call)
    })
  }

  get(ticket: number): Call | undefined {
    return this.#calls.get(ticket)
  }

  /** Every recipient of a send has settled. */
  sent(ticket: number): void {
    const call = this.#calls.get(ticket)
    if (call === undefined) return
    const result: SendResult = { delivered: call.delivered, failed: call.failed }
    call.resolve(result)
  }

  /** Nothing more will be answered. */
  rejectAll(reason: (call: Call) => unknown): void {
    for (const call of [...this.#calls.values()]) call.reject(reason(call))
  }
}
