/**
 * Plain JSON values in the one form that is the same everywhere: what actions are copied into before
 * anything sees them, and what states are hashed as.
 */
import { checkPlain } from '../content.js'

/** A plain object. */
export interface Plain {
  readonly [key: string]: unknown
}

/**
 * A copy with the keys of every object in rising order, which nobody else can change. So a reducer that
 * goes through the keys of an action meets them in the same order on every page, the author's included.
 *
 * @throws MeshError `NotSerializable`, with the path in `found`.
 */
export function plainCopy<V>(value: V): V {
  checkPlain(value, PLAIN_DEPTH_MAX)
  return sorted(value) as V
}

/**
 * The canonical JSON of RFC 8785. ECMAScript's own `JSON.stringify` writes numbers and strings as that
 * asks for, so what is left is the order of keys, by UTF-16 code units, as `sort` has it.
 *
 * @throws MeshError `NotSerializable`, with the path in `found`.
 */
export function canonicalJson(value: unknown): string {
  checkPlain(value, PLAIN_DEPTH_MAX)
  return write(value)
}

/** An object of these keys and values, whatever the keys are: `__proto__` is a key like any other. */
export const objectOf: (entries: Iterable<readonly [string, unknown]>) => Plain = Object.fromEntries

/** Whether `value` is an object and no array. */
export function isObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (isObject(value)) {
    return objectOf(
      Object.keys(value)
        .sort()
        .map((key) => [key, sorted(value[key])]),
    )
  }
  // JSON knows no negative zero.
  return value === 0 ? 0 : value
}

function write(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(write).join()}]`
  if (!isObject(value)) return JSON.stringify(value)
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${write(value[key])}`)
  return `{${members.join()}}`
}

/** How deep actions and states may nest: far more than anyone reads, far less than any stack bears. */
export const PLAIN_DEPTH_MAX = 64
