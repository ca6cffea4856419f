/**
 * Tells of troubles that strangers can make as many of as they like: of each once, however often it is
 * met, and of all together once a second, with their count.
 */
import type { MeshError } from '../errors.js'
import type { Time } from './time.js'

/** Tells once, and seldom. */
export class Seldom {
  readonly #report: (error: MeshError) => void
  readonly #time: Time
  readonly #told = new Set<string>()
  #toldAt = -Infinity
  #count = 0

  constructor(report: (error: MeshError) => void, time: Time) {
    this.#report = report
    this.#time = time
  }

  /** `make` is given the words for how many there were, if there were several. */
  tell(key: string, make: (count: string) => MeshError): void {
    if (this.#told.has(key)) return
    if (this.#told.size >= TOLD_COUNT_MAX) this.#told.clear()
    this.#told.add(key)
    this.#count += 1
    if (this.#time.now() - this.#toldAt < TOLD_MS) return
    this.#toldAt = this.#time.now()
    const count = this.#count > 1 ? ` (${this.#count} times since the last report)` : ''
    this.#count = 0
    this.#report(make(count))
  }
}

/** Units: milliseconds. */
const TOLD_MS = 1_000
/** Troubles that are remembered as told of. */
const TOLD_COUNT_MAX = 4_096
