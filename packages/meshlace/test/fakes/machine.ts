// A machine that decides nothing: it writes down what it is told, and gives out the effects and notices
// that a test has put in.
import type { Effects, Machine, Notices } from '../../src/machine.js'

export type Out = (effects: Effects, notices: Notices) => void

/** One call of a method of the machine. */
export type Heard = [name: string, ...given: unknown[]]

export class FakeMachine {
  readonly heard: Heard[] = []
  readonly times: number[] = []
  /** What the next drain gives out. */
  readonly out: Out[] = []
  /** Asked at each input, for machines that answer. */
  answer: ((input: Heard) => Out | undefined) | undefined
  drainCount = 0
  deadline = -1
  draining = false

  /** The same, with the methods of a machine. */
  readonly machine: Machine = new Proxy({} as Machine, {
    get: (_, name: string) => {
      const known = (this as unknown as Record<string, unknown>)[name]
      if (typeof known === 'function') return known.bind(this)
      return (...given: unknown[]) => this.#hear([name, ...given])
    },
  })

  at(monotonic: number): void {
    this.#mustBeFree()
    this.times.push(monotonic)
  }

  drain(effects: Effects, notices: Notices, input?: (machine: Machine) => void): number {
    this.#mustBeFree()
    input?.(this.machine)
    this.drainCount += 1
    this.draining = true
    for (const each of this.out.splice(0)) each(effects, notices)
    this.draining = false
    return this.deadline
  }

  timeout(): number {
    return this.deadline
  }

  selfId(): string {
    return 'self'
  }

  address(): string {
    return 'https://page.example/#room.secret'
  }

  /** What was heard under this name. */
  of(name: string): unknown[][] {
    return this.heard.filter(([heard]) => heard === name).map(([, ...given]) => given)
  }

  #hear(input: Heard): void {
    this.#mustBeFree()
    this.heard.push(input)
    const out = this.answer?.(input)
    if (out !== undefined) this.out.push(out)
  }

  /** The real one refuses to be called while it calls out. */
  #mustBeFree(): void {
    if (this.draining) throw new Error('the machine is busy')
  }
}
