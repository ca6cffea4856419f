/**
 * Values as bytes: the one form in which arguments, results, effects and notices cross.
 *
 * Each value is a tag and what the tag says: numbers are doubles, lengths 32 bits, all little endian.
 * Long bytes and texts travel beside the others, uncopied, and leave a tag in their place.
 * `crates/wasm/src/values.rs` is the other half.
 */
import { MeshError, type Delivery, type MeshErrorCode } from './errors.js'

/** What a value, or a record, begins with. */
const enum Tag {
  undefined,
  false,
  true,
  number,
  text,
  bytes,
  beside,
  list,
  map,
  error,
  peer,
  newPeer,
  effect,
  notice,
  end,
}

/** Longer ones travel beside. */
const INLINE_MAX = 1024

/** Writes arguments, over and over into the same bytes. */
export class ValueWriter {
  /** What travels beside. */
  beside: Uint8Array = NOTHING
  #bytes = new Uint8Array(4 * INLINE_MAX)
  #view = new DataView(this.#bytes.buffer)
  #at = 0

  /** Writes these values; the bytes hold until the next time. */
  write(values: readonly unknown[]): Uint8Array {
    this.#at = 0
    this.beside = NOTHING
    for (const value of values) this.#value(value)
    return this.#bytes.subarray(0, this.#at)
  }

  #value(value: unknown): void {
    if (typeof value === 'string') this.#text(value)
    else if (typeof value === 'number') {
      this.#tag(Tag.number, 8)
      this.#view.setFloat64(this.#at, value, true)
      this.#at += 8
    } else if (typeof value === 'boolean') this.#tag(value ? Tag.true : Tag.false)
    else if (value instanceof Uint8Array) this.#long(Tag.bytes, value)
    else if (Array.isArray(value)) {
      this.#tag(Tag.list)
      for (const each of value) this.#value(each)
      this.#tag(Tag.end)
    } else this.#tag(Tag.undefined)
  }

  #text(text: string): void {
    if (text.length > INLINE_MAX) return this.#long(Tag.text, encoder.encode(text))
    this.#tag(Tag.text, 4 + 3 * text.length)
    const start = this.#at + 4
    let length = 0
    // Names and identifiers: for these a call of the encoder takes longer.
    for (; length < text.length; length++) {
      const code = text.charCodeAt(length)
      if (code > 0x7f) {
        length = encoder.encodeInto(text, this.#bytes.subarray(start)).written
        break
      }
      this.#bytes[start + length] = code
    }
    this.#size(length)
    this.#at += length
  }

  #long(tag: Tag, bytes: Uint8Array): void {
    if (bytes.length > INLINE_MAX && this.beside === NOTHING) {
      this.beside = bytes
      return this.#tag(Tag.beside)
    }
    this.#tag(tag, 4 + bytes.length)
    this.#size(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  #size(size: number): void {
    this.#view.setUint32(this.#at, size, true)
    this.#at += 4
  }

  /** Writes a tag, and makes room for so much after it. */
  #tag(tag: Tag, size = 0): void {
    if (this.#at + 1 + size > this.#bytes.length) {
      const bytes = new Uint8Array(2 * (this.#at + 1 + size))
      bytes.set(this.#bytes)
      this.#bytes = bytes
      this.#view = new DataView(bytes.buffer)
    }
    this.#bytes[this.#at++] = tag
  }
}

/** What the records that a reader reads are told to: methods by their number. */
export interface Hearers {
  effect(number: number, values: unknown[]): void
  notice(number: number, values: unknown[]): void
}

/** Reads what the core has written. Bytes it gives are views of what it was given. */
export class ValueReader {
  readonly #bytes: Uint8Array
  readonly #beside: Uint8Array
  readonly #view: DataView
  /** The names of peers by their place. */
  readonly #peers: string[]
  #at = 0

  constructor(bytes: Uint8Array, beside: Uint8Array, peers: string[]) {
    this.#bytes = bytes
    this.#beside = beside
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#peers = peers
  }

  /** Whether records stand here, not a value. */
  static readsRecords(bytes: Uint8Array): boolean {
    return bytes[0] === Tag.effect || bytes[0] === Tag.notice
  }

  /** Tells all records, one after the other. */
  records(hearers: Hearers): void {
    const { length } = this.#bytes
    while (this.#at < length) {
      const tag = this.#bytes[this.#at++]
      const number = this.#view.getUint8(this.#at++)
      const values: unknown[] = []
      for (;;) {
        const next = this.#bytes[this.#at]
        if (next === undefined || next === Tag.effect || next === Tag.notice) break
        values.push(this.value())
      }
      if (tag === Tag.effect) hearers.effect(number, values)
      else hearers.notice(number, values)
    }
  }

  /** @throws RangeError if it is cut off; MeshError `InternalFault` if there is no such value. */
  value(): unknown {
    switch (this.#view.getUint8(this.#at++)) {
      case Tag.undefined:
        return undefined
      case Tag.false:
        return false
      case Tag.true:
        return true
      case Tag.number: {
        const number = this.#view.getFloat64(this.#at, true)
        this.#at += 8
        return number
      }
      case Tag.text:
        return decoder.decode(this.#long())
      case Tag.bytes:
        return this.#long()
      case Tag.beside:
        return this.#beside
      case Tag.list: {
        const list: unknown[] = []
        while (!this.#isEnd()) list.push(this.value())
        return list
      }
      case Tag.map: {
        const map: Record<string, unknown> = {}
        while (!this.#isEnd()) map[this.value() as string] = this.value()
        return map
      }
      case Tag.error:
        return this.#error()
      case Tag.peer:
        return this.#peers[this.#size()]
      case Tag.newPeer:
        return (this.#peers[this.#size()] = decoder.decode(this.#long()))
    }
    throw new MeshError('InternalFault')
  }

  #error(): MeshError {
    const [code, message, delivery, peer, expected, found, limit] = Array.from({ length: 7 }, () => this.value()) as [
      MeshErrorCode,
      string,
      Delivery | undefined,
      string | undefined,
      string | undefined,
      string | undefined,
      number | undefined,
    ]
    return new MeshError(code, { message, delivery, peer, expected, found, limit })
  }

  #isEnd(): boolean {
    const isEnd = this.#view.getUint8(this.#at) === Tag.end
    if (isEnd) this.#at += 1
    return isEnd
  }

  #long(): Uint8Array {
    const size = this.#size()
    if (this.#at + size > this.#bytes.length) throw new RangeError()
    return this.#bytes.subarray(this.#at, (this.#at += size))
  }

  #size(): number {
    const size = this.#view.getUint32(this.#at, true)
    this.#at += 4
    return size
  }
}

const NOTHING = /* @__PURE__ */ new Uint8Array(0)
const encoder = /* @__PURE__ */ new TextEncoder()
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true })
