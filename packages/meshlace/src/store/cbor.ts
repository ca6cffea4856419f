/**
 * CBOR (RFC 8949) of JSON values in one form: shortest integers and lengths, definite lengths, floats of
 * 32 bits where those are exact and else of 64. The reader takes longer forms too; who needs the one form
 * writes what was read again and compares.
 *
 * Source: docs/protocol.md R-380.
 */
import type { Plain } from './plain.js'
import { isObject, objectOf } from './plain.js'

/** The bytes of a plain JSON value. Keys of objects keep the order they have. */
export function toCbor(value: unknown): Uint8Array {
  // One for all, since most of what it writes is a few bytes long.
  writer.begin()
  writer.value(value)
  return writer.finish()
}

/**
 * The value that these bytes are.
 *
 * @throws Error whatever is wrong with them.
 */
export function fromCbor(bytes: Uint8Array, depthMax: number): unknown {
  const reader = new Reader(bytes)
  const value = reader.value(depthMax)
  if (reader.at !== bytes.length) throw new Error(`bytes after the end at ${reader.at}`)
  return value
}

class Writer {
  #bytes = new Uint8Array(1024)
  #view = new DataView(this.#bytes.buffer)
  #at = 0

  begin(): void {
    this.#at = 0
  }

  value(value: unknown): void {
    if (typeof value === 'number') this.#number(value)
    else if (typeof value === 'string') this.#text(value)
    else if (Array.isArray(value)) {
      this.#head(ARRAY, value.length)
      for (const each of value) this.value(each)
    } else if (isObject(value)) this.#map(value)
    else this.#reserve(1)[this.#at++] = value === false ? FALSE : value === true ? TRUE : NULL
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at)
  }

  #map(value: Plain): void {
    const keys = Object.keys(value).sort()
    this.#head(MAP, keys.length)
    for (const key of keys) {
      this.#text(key)
      this.value(value[key])
    }
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value)) {
      if (value < 0) this.#head(NEGATIVE, -1 - value)
      else this.#head(UNSIGNED, value)
    } else if (Math.fround(value) === value) {
      this.#reserve(5)[this.#at] = FLOAT_32
      this.#view.setFloat32(this.#at + 1, value)
      this.#at += 5
    } else {
      this.#reserve(9)[this.#at] = FLOAT_64
      this.#view.setFloat64(this.#at + 1, value)
      this.#at += 9
    }
  }

  #text(text: string): void {
    const { length } = text
    // Keys and names: calling the encoder costs more than they do.
    if (length < 24) {
      const bytes = this.#reserve(length + 1)
      let at = 0
      for (; at < length; at++) {
        const unit = text.charCodeAt(at)
        if (unit > 0x7f) break
        bytes[this.#at + 1 + at] = unit
      }
      if (at === length) {
        bytes[this.#at] = (TEXT << 5) | length
        this.#at += length + 1
        return
      }
    }
    const encoded = encoder.encode(text)
    this.#head(TEXT, encoded.length)
    this.#reserve(encoded.length).set(encoded, this.#at)
    this.#at += encoded.length
  }

  #head(major: number, count: number): void {
    const bytes = this.#reserve(9)
    const first = major << 5
    if (count < 24) bytes[this.#at++] = first | count
    else if (count <= 0xff) {
      bytes[this.#at++] = first | 24
      bytes[this.#at++] = count
    } else if (count <= 0xffff) {
      bytes[this.#at] = first | 25
      this.#view.setUint16(this.#at + 1, count)
      this.#at += 3
    } else if (count <= 0xffff_ffff) {
      bytes[this.#at] = first | 26
      this.#view.setUint32(this.#at + 1, count)
      this.#at += 5
    } else {
      bytes[this.#at] = first | 27
      this.#view.setUint32(this.#at + 1, Math.floor(count / 0x1_0000_0000))
      this.#view.setUint32(this.#at + 5, count >>> 0)
      this.#at += 9
    }
  }

  #reserve(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length + count)
      larger.set(this.#bytes)
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
    }
    return this.#bytes
  }
}

class Reader {
  at = 0
  readonly #bytes: Uint8Array
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  value(depth: number): unknown {
    if (depth < 0) throw new Error('nested too deeply')
    const first = this.#view.getUint8(this.at++)
    const major = first >> 5
    switch (major) {
      case UNSIGNED:
        return this.#count(first)
      case NEGATIVE:
        return -1 - this.#count(first)
      case TEXT:
        return this.#text(this.#count(first))
      case ARRAY: {
        const items: unknown[] = []
        // Grows by what is read: a length that is a lie costs nothing.
        for (let left = this.#count(first); left > 0; left--) items.push(this.value(depth - 1))
        return items
      }
      case MAP: {
        const entries: [string, unknown][] = []
        for (let left = this.#count(first); left > 0; left--) {
          const key = this.value(depth)
          if (typeof key !== 'string') throw new Error('a key that is no text')
          entries.push([key, this.value(depth - 1)])
        }
        return objectOf(entries)
      }
    }
    switch (first) {
      case FALSE:
        return false
      case TRUE:
        return true
      case NULL:
        return null
      case FLOAT_32:
        return this.#finite(this.#view.getFloat32((this.at += 4) - 4))
      case FLOAT_64:
        return this.#finite(this.#view.getFloat64((this.at += 8) - 8))
    }
    throw new Error(`an item of type ${first}`)
  }

  #finite(value: number): number {
    if (!Number.isFinite(value)) throw new Error('a number that JSON has not')
    return value
  }

  #text(count: number): string {
    if (count > this.#bytes.length - this.at) throw new Error('truncated')
    const begin = this.at
    this.at += count
    // As above: short ones are mostly ASCII.
    if (count < 24) {
      let text = ''
      for (let at = begin; at < this.at; at++) {
        const unit = this.#bytes[at]!
        if (unit > 0x7f) break
        text += String.fromCharCode(unit)
      }
      if (text.length === count) return text
    }
    return decoder.decode(this.#bytes.subarray(begin, this.at))
  }

  #count(first: number): number {
    const short = first & 31
    switch (short) {
      case 24:
        return this.#view.getUint8((this.at += 1) - 1)
      case 25:
        return this.#view.getUint16((this.at += 2) - 2)
      case 26:
        return this.#view.getUint32((this.at += 4) - 4)
      case 27:
        this.at += 8
        return this.#view.getUint32(this.at - 8) * 0x1_0000_0000 + this.#view.getUint32(this.at - 4)
    }
    if (short > 27) throw new Error('a length that is not definite')
    return short
  }
}

const UNSIGNED = 0
const NEGATIVE = 1
const TEXT = 3
const ARRAY = 4
const MAP = 5
const FALSE = 0xf4
const TRUE = 0xf5
const NULL = 0xf6
const FLOAT_32 = 0xfa
const FLOAT_64 = 0xfb

const writer = /* @__PURE__ */ new Writer()
const encoder = /* @__PURE__ */ new TextEncoder()
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
