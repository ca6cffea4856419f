/**
 * A monotonic clock that also shows a machine's sleep.
 *
 * `performance.now()` never moves back, but in some browsers it stands still while the machine
 * sleeps; `Date.now()` goes on, but can be set to anything. Together they tell: where the wall clock
 * ran ahead of the other by more than a second, the machine slept (or the clock was set, which the
 * core then treats as a wake: it checks its paths, and that costs little).
 */
export class Clock {
  /** Units: milliseconds since the clock was made. */
  monotonic = 0
  /** Units: milliseconds since the Unix epoch. */
  wall: number
  #steady: number

  constructor() {
    this.#steady = performance.now()
    this.wall = Date.now()
  }

  /** Reads both clocks. */
  read(): this {
    const steady = performance.now()
    const wall = Date.now()
    const passed = Math.max(0, steady - this.#steady)
    const passedWall = wall - this.wall
    this.monotonic += passedWall - passed > SLEEP_MIN_MS ? passedWall : passed
    this.#steady = steady
    this.wall = wall
    return this
  }
}

/** Two clocks read one after the other differ by less, save after a sleep. */
const SLEEP_MIN_MS = 1_000
