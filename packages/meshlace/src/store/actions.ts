/**
 * What a block's payload says: the actions that were dispatched in one tick, to one store or several.
 *
 * Actions of a burst look alike, so they are written by columns: what they have in common (store and
 * keys) once, and then, for each key, all values together. A column of numbers is written as steps, and
 * equal steps once; a column of texts as one text, or as the different ones and which is where.
 *
 * ```text
 * [1, kinds, which, column, column, ..]        kind: [store, shape]     shape: key or [key, shape], ..
 *
 * { type: 'move', to: { x: 7, y: 1 } }         ["board", [["to", ["x", "y"]], "type"]]
 * { type: 'move', to: { x: 8, y: 1 } }         which: [[0, 4]]
 * { type: 'move', to: { x: 9, y: 1 } }         x: [1, [7, 1, 1, 1]]  y: [1]  type: ["move"]
 * { type: 'move', to: { x: 10, y: 1 } }
 * ```
 *
 * The reader writes what it read and compares: so there is one encoding, whatever the rules leave open.
 *
 * Source: docs/protocol.md; docs/decisions/0011-actions-by-columns.md.
 */
import { checkPlain } from '../content.js'
import { MeshError } from '../errors.js'
import { fromCbor, toCbor } from './cbor.js'
import { isObject, objectOf, PLAIN_DEPTH_MAX, type Plain } from './plain.js'

/** An action and the store that it is for. */
export interface StoreAction {
  readonly store: string
  readonly action: Plain
}

/** The keys of an object in rising order; one whose value is an object stands with the keys of that. */
type Shape = readonly (string | readonly [key: string, shape: Shape])[]

/** Actions of one store and shape. */
interface Kind {
  readonly number: number
  readonly store: string
  readonly shape: Shape
  readonly columns: unknown[][]
}

/** One payload with these actions, which are plain and whose keys are in order, as `plainCopy` makes them. */
export function encodeActions(list: readonly StoreAction[]): Uint8Array {
  const kinds = new Map<string, Kind>()
  const which: number[] = []
  for (const { store, action } of list) {
    const values: unknown[] = []
    const shape = shapeOf(action, values)
    const name = list.length === 1 ? '' : JSON.stringify([store, shape])
    let kind = kinds.get(name)
    if (kind === undefined) {
      kind = { number: kinds.size, store, shape, columns: values.map(() => []) }
      kinds.set(name, kind)
    }
    values.forEach((value, column) => kind.columns[column]!.push(value))
    which.push(kind.number)
  }
  const all = [...kinds.values()]
  return toCbor([
    VERSION,
    all.map(({ store, shape }) => [store, shape]),
    steps(which),
    ...all.flatMap(({ columns }) => columns.map(columnOf)),
  ])
}

/**
 * As few payloads as halving finds, each within the limits.
 *
 * @throws MeshError `MessageTooLarge` for an action that fits none.
 */
export function packActions<E extends StoreAction>(list: readonly E[]): { payload: Uint8Array; list: readonly E[] }[] {
  if (list.length <= ACTION_COUNT_MAX && cellCount(list) <= ACTION_CELLS_MAX) {
    const payload = encodeActions(list)
    if (payload.length <= ACTIONS_BYTES_MAX) return [{ payload, list }]
  }
  const [first] = list
  if (first === undefined || list.length === 1) {
    throw new MeshError('MessageTooLarge', { limit: ACTIONS_BYTES_MAX, delivery: 'not-sent' })
  }
  const half = list.length >> 1
  return [...packActions(list.slice(0, half)), ...packActions(list.slice(half))]
}

/**
 * The actions in a payload, in order.
 *
 * @throws MeshError `ActionsMalformed` for anything but what `encodeActions` writes within the limits.
 */
export function decodeActions(payload: Uint8Array): StoreAction[] {
  try {
    const list = read(fromCbor(payload, DEPTH_MAX))
    // Each level takes a byte at least.
    if (payload.length > PLAIN_DEPTH_MAX) for (const { action } of list) checkPlain(action, PLAIN_DEPTH_MAX)
    const again = encodeActions(list)
    if (again.length !== payload.length || again.some((byte, at) => byte !== payload[at])) fail('not the one encoding')
    return list
  } catch (cause) {
    throw new MeshError('ActionsMalformed', { found: cause instanceof Error ? cause.message : String(cause), cause })
  }
}

function shapeOf(action: Plain, values: unknown[]): Shape {
  // Copies have their keys in order, save that engines put those that are numbers first.
  const keys = Object.keys(action).sort()
  return keys.map((key) => {
    const value = action[key]
    if (isObject(value)) return [key, shapeOf(value, values)] as const
    values.push(value)
    return key
  })
}

function cellCount(list: readonly StoreAction[]): number {
  let count = 0
  const visit = (value: Plain) => {
    for (const each of Object.values(value)) {
      if (isObject(each)) visit(each)
      else count += 1
    }
  }
  for (const { action } of list) visit(action)
  return count
}

function columnOf(values: readonly unknown[]): unknown[] {
  const [first] = values
  if (values.every((value) => value === first) || areEqualLists(values)) return [first]
  if (values.every(isStep)) return [Column.steps, steps(values)]
  if (!values.every((value) => typeof value === 'string')) return [Column.values, values]
  const distinct = [...new Set(values)]
  if (2 * distinct.length <= values.length) {
    const places = new Map(distinct.map((value, place) => [value, place]))
    return [Column.choices, distinct, steps(values.map((value) => places.get(value)!))]
  }
  return [Column.texts, steps(values.map(characterCount)), values.join('')]
}

function areEqualLists(values: readonly unknown[]): boolean {
  if (!values.every(Array.isArray)) return false
  const first = JSON.stringify(values[0])
  return values.every((value) => JSON.stringify(value) === first)
}

/** Numbers whose differences are exact. */
function isStep(value: unknown): value is number {
  return Number.isSafeInteger(value) && Math.abs(value as number) <= STEP_MAX
}

/** Differences to the number before, the first to 0; four and more that are equal as `[difference, count]`. */
function steps(values: readonly number[]): unknown[] {
  const out: unknown[] = []
  let last = 0
  for (let at = 0; at < values.length; ) {
    const step = values[at]! - last
    let end = at
    while (end < values.length && values[end]! - last === step) last = values[end++]!
    if (end - at >= RUN_COUNT_MIN) out.push([step, end - at])
    else for (; at < end; at++) out.push(step)
    at = end
  }
  return out
}

/** A character is a Unicode scalar value: other languages count them too. */
function characterCount(text: string): number {
  let count = 0
  for (const _ of text) count += 1
  return count
}

function read(payload: unknown): StoreAction[] {
  const [version, kindList, whichSteps, ...columns] = listOf(payload)
  if (version !== VERSION) fail('not a version that is known')
  const which = numbersOf(whichSteps, ACTION_COUNT_MAX)
  const counts = listOf(kindList).map(() => 0)
  for (const number of which) {
    if (counts[number] === undefined) fail('an action of no kind')
    counts[number]! += 1
  }
  let column = 0
  let cells = 0
  const kinds = listOf(kindList).map((kind, number) => {
    const [store, shape] = listOf(kind)
    if (!isStoreName(store)) return fail('a store without a name')
    const count = counts[number]!
    const columnCount = leafCount(shape)
    // Before anything is filled: a column of one value stands for as many as there are actions.
    if ((cells += count * columnCount) > ACTION_CELLS_MAX) fail('too many values')
    const values = columns.slice(column, (column += columnCount)).map((each) => valuesOf(each, count))
    return { store, shape: shape as Shape, values, next: 0 }
  })
  if (column !== columns.length) fail('columns of no kind')
  return which.map((number) => {
    const kind = kinds[number]!
    const at = kind.next++
    let next = 0
    const action = assemble(kind.shape, () => kind.values[next++]![at])
    if (typeof action['type'] !== 'string') fail('an action without a type')
    return { store: kind.store, action }
  })
}

/** How many columns a shape has; what is no shape is found here. */
function leafCount(shape: unknown): number {
  let count = 0
  for (const each of listOf(shape)) {
    if (typeof each === 'string') count += 1
    else if (Array.isArray(each) && typeof each[0] === 'string') count += leafCount(each[1])
    else fail('a key that is no text')
  }
  return count
}

function assemble(shape: Shape, take: () => unknown): Plain {
  return objectOf(shape.map((each) => (typeof each === 'string' ? [each, take()] : [each[0], assemble(each[1], take)])))
}

function valuesOf(column: unknown, count: number): readonly unknown[] {
  const [tag, first, second] = listOf(column)
  if ((column as unknown[]).length === 1) return new Array<unknown>(count).fill(tag)
  let values: readonly unknown[]
  switch (tag) {
    case Column.values:
      values = listOf(first)
      break
    case Column.steps:
      values = numbersOf(first, count)
      break
    case Column.texts:
      values = cut(second, numbersOf(first, count))
      break
    case Column.choices: {
      const choices = listOf(first)
      values = numbersOf(second, count).map((choice) => choices[choice])
      break
    }
    default:
      return fail('a column of no kind')
  }
  if (values.length !== count) fail('a column of another length')
  return values
}

function numbersOf(list: unknown, countMax: number): number[] {
  const out: number[] = []
  let last = 0
  for (const each of listOf(list)) {
    const [step, count] = Array.isArray(each) ? each : [each, 1]
    if (!Number.isSafeInteger(step) || !Number.isSafeInteger(count)) fail('a step that is no number')
    if (out.length + (count as number) > countMax) fail('too many numbers')
    for (let left = count as number; left > 0; left--) out.push((last += step as number))
  }
  return out
}

function cut(text: unknown, lengths: readonly number[]): string[] {
  if (typeof text !== 'string') return fail('texts that are none')
  // Where no character takes two units, cutting by units is cutting by characters.
  const isNarrow = !/[\ud800-\udfff]/.test(text)
  const characters = isNarrow ? text : [...text]
  let at = 0
  return lengths.map((length) => {
    const part = characters.slice(at, (at += Math.max(0, length)))
    return typeof part === 'string' ? part : part.join('')
  })
}

/** Whether a store may have this name. */
export function isStoreName(name: unknown): name is string {
  return typeof name === 'string' && name !== '' && name.length <= STORE_NAME_LENGTH_MAX
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : fail('something else than a list')
}

function fail(found: string): never {
  throw new Error(found)
}

const Column = { values: 0, steps: 1, texts: 2, choices: 3 } as const

const VERSION = 1
/** Below, a pair takes no less room than what it stands for. */
const RUN_COUNT_MIN = 4
/** Differences of such numbers are safe integers. */
const STEP_MAX = 2 ** 51

/** What a block's body leaves beside its salt. Units: bytes. */
export const ACTIONS_BYTES_MAX = 48 * 1024 - 16
/** Actions in a block: what a frame of 16 ms dispatches at the very most. */
export const ACTION_COUNT_MAX = 4_096
/** Values in all actions of a block: a column of one value must not make gigabytes of a few bytes. */
export const ACTION_CELLS_MAX = 65_536
/** Units: UTF-16 code units. */
export const STORE_NAME_LENGTH_MAX = 128
/** An action's own depth, and what is around it. */
const DEPTH_MAX = PLAIN_DEPTH_MAX + 4
