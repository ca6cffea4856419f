/**
 * Values to bytes and back. What would not arrive as it was is refused, with the path to it, before
 * anything is sent: `JSON.stringify` alone would turn NaN into null, drop functions and `undefined`,
 * and make a Map an empty object.
 */
import { MeshError } from './errors.js'
import { Kind, type ContentMeta } from './machine.js'

/** A value ready to cross: text, or bytes with what stands beside them. */
export type Encoded =
  | { readonly kind: number; readonly text: string }
  | { readonly kind: number; readonly bytes: Uint8Array; readonly name: string; readonly type: string }

/**
 * What `value` is as a message. A `Blob` or `File` has to be read first and comes back as a promise.
 *
 * @throws MeshError `NotSerializable`, with the path in `found`.
 */
export function encode(value: unknown): Encoded | Promise<Encoded> {
  switch (typeof value) {
    case 'string':
      // A lone surrogate has no UTF-8 form; JSON escapes it.
      return isWellFormed(value)
        ? { kind: Kind.text, text: value }
        : { kind: Kind.json, text: JSON.stringify(value) }
    case 'object':
      if (value instanceof ArrayBuffer) return bytesOf(new Uint8Array(value))
      if (ArrayBuffer.isView(value)) {
        return bytesOf(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
      }
      if (typeof Blob !== 'undefined' && value instanceof Blob) return encodeBlob(value)
  }
  return { kind: Kind.json, text: encodeJson(value) }
}

/**
 * The JSON text of `value`.
 *
 * @throws MeshError `NotSerializable`, with the path in `found`.
 */
export function encodeJson(value: unknown): string {
  try {
    checkPlain(value)
    return JSON.stringify(value)
  } catch (error) {
    if (error instanceof MeshError) throw error
    // Only the stack can run out here: the value was checked.
    throw notSerializable([], 'an object nested too deeply')
  }
}

/**
 * The value that arrived. `bytes` is a view into the core's memory: whatever is kept is copied.
 *
 * @throws MeshError `ProtocolViolation` if the bytes are not what `kind` says.
 */
export function decode(kind: number, meta: ContentMeta | undefined, bytes: Uint8Array): unknown {
  switch (kind) {
    case Kind.nothing:
      return undefined
    case Kind.text:
      return decodeText(bytes)
    case Kind.json:
      return decodeJson(bytes)
    case Kind.blob:
      return new Blob([bytes.slice()], { type: meta?.type ?? '' })
    case Kind.file:
      return new File([bytes.slice()], meta?.name ?? '', { type: meta?.type ?? '' })
    default:
      return bytes.slice()
  }
}

/** @throws MeshError `ProtocolViolation` if it is no JSON. */
export function decodeJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeText(bytes))
  } catch (cause) {
    throw new MeshError('ProtocolViolation', { message: 'a message is not the JSON it claims to be', cause })
  }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return (decoder ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })).decode(bytes)
  } catch (cause) {
    throw new MeshError('ProtocolViolation', { message: 'a message is not the text it claims to be', cause })
  }
}

function bytesOf(bytes: Uint8Array): Encoded {
  return { kind: Kind.bytes, bytes, name: '', type: '' }
}

async function encodeBlob(blob: Blob): Promise<Encoded> {
  let buffer: ArrayBuffer
  try {
    buffer = await blob.arrayBuffer()
  } catch (cause) {
    throw new MeshError('NotSerializable', { message: 'the file cannot be read', delivery: 'not-sent', cause })
  }
  const bytes = new Uint8Array(buffer)
  return typeof File !== 'undefined' && blob instanceof File
    ? { kind: Kind.file, bytes, name: blob.name, type: blob.type }
    : { kind: Kind.blob, bytes, name: '', type: blob.type }
}

/**
 * Throws where `value` would not come back from JSON as it is. Beyond that, what is to have one form
 * everywhere may hold no lone surrogate, which has no UTF-8 form, and has a depth.
 *
 * @throws MeshError `NotSerializable`, with the path in `found`; `RangeError` where the stack ends.
 */
export function checkPlain(value: unknown, depthMax = Infinity): void {
  check(value, [], [], depthMax)
}

function check(value: unknown, path: (string | number)[], above: object[], depthMax: number): void {
  switch (typeof value) {
    case 'string':
      if (depthMax === Infinity || isWellFormed(value)) return
      throw notSerializable(path, 'a lone surrogate')
    case 'boolean':
      return
    case 'number':
      if (Number.isFinite(value)) return
      throw notSerializable(path, String(value))
    case 'object':
      if (value === null) return
      if (above.length >= depthMax) throw notSerializable(path, 'an object nested too deeply')
      checkObject(value, path, above, depthMax)
      return
    default:
      throw notSerializable(path, value === undefined ? 'undefined' : `a ${typeof value}`)
  }
}

function checkObject(value: object, path: (string | number)[], above: object[], depthMax: number): void {
  if (above.includes(value)) throw notSerializable(path, 'a cycle')
  above.push(value)
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      path.push(index)
      check(value[index], path, above, depthMax)
      path.pop()
    }
  } else {
    if (!isPlain(value)) throw notSerializable(path, `a ${value.constructor?.name ?? 'foreign object'}`)
    if (Object.getOwnPropertySymbols(value).length > 0) throw notSerializable(path, 'a symbol as key')
    for (const key of Object.keys(value)) {
      path.push(key)
      check(key, path, above, depthMax)
      check((value as Record<string, unknown>)[key], path, above, depthMax)
      path.pop()
    }
  }
  above.pop()
}

/** An object literal, of this realm or of another (a frame's has a prototype of its own). */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return (
    prototype === null ||
    prototype === Object.prototype ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf'))
  )
}

function notSerializable(path: readonly (string | number)[], found: string): MeshError {
  let where = ''
  for (const step of path) {
    where += typeof step === 'number' ? `[${step}]` : /^[A-Za-z_$][\w$]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
  }
  where = where.replace(/^\./, '')
  return new MeshError('NotSerializable', {
    message: `${found}${where === '' ? '' : ` at ${where}`} cannot be sent`,
    delivery: 'not-sent',
    expected: 'string, finite number, boolean, null, plain object, array, or bytes, Blob or File on their own',
    found: where === '' ? found : `${found} at ${where}`,
  })
}

function isWellFormed(text: string): boolean {
  return typeof wellFormed === 'function' ? wellFormed.call(text) : !/\p{Surrogate}/u.test(text)
}

const wellFormed = (String.prototype as { isWellFormed?: () => boolean }).isWellFormed

let decoder: TextDecoder | undefined
