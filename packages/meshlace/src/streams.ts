/**
 * The WebAssembly module as streams of like bytes, which deflate packs a sixth better than the module itself:
 * opcodes follow opcodes, locals locals, offsets offsets. The build takes the module apart, a page puts it
 * together again, and both walk it by this one grammar. What an operand is depends less on its operation than on
 * the next, which takes it.
 *
 * Source: WebAssembly Core Specification 2.0, section 5 (binary format); the idea is split-stream coding, as in
 * J. Ernst et al., "Code Compression", PLDI 1997. Only what our module holds is known: the build refuses others.
 */

/** What is done at each step of a walk. */
export interface Walker {
  /** The next byte, which belongs to `stream`. */
  byte(stream: number): number
  /** The opcode after the number that comes next. */
  opcodeAhead(): number
  /** The length of what `content` walks, and that. It belongs to no stream. */
  sized(content: () => void): void
  /** Whether the module is at its end. */
  isDone(): boolean
}

/** How many streams there are. */
export const STREAM_COUNT = 30

/** What stands outside of functions. */
const REST = 0
const OPCODES = 1
/** The types of a function's locals. */
const LOCALS = 2
const BLOCKS = 3
const BRANCHES = 4
const TABLES = 5
const CALLS = 6
const OFFSETS = 7
const LONG_CONSTANTS = 8
const BULK = 9
/** How a load or store is aligned: a hint that changes nothing. */
export const ALIGNMENTS = 10
/** Indices that hardly ever differ. */
const OTHERS = 11
/** For each kind of what comes next: locals that are read, locals that are written, constants. */
const READ = 12
const WRITTEN = 18
const CONSTANTS = 24

/** Walks a whole module. */
export function walk({ byte, opcodeAhead, sized, isDone }: Walker): void {
  /** A number of 32 bits, LEB128. */
  const number = (stream: number): number => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const part = byte(stream)
      value |= (part & 127) << shift
      if (part < 128) return value >>> 0
    }
  }
  const times = (count: number, act: () => void): void => {
    for (; count > 0; count--) act()
  }
  const bytes = (stream: number, count: number): void => times(count, () => byte(stream))
  const access = (): void => {
    number(ALIGNMENTS)
    number(OFFSETS)
  }

  /** Of saturating conversions, and of memory and tables. */
  const memory = (): void => {
    const code = number(OPCODES)
    if (code > 7) number(OTHERS)
    if (code === 8 || code === 10 || code === 12 || code === 14) number(OTHERS)
  }

  /** Of 128 bits. */
  const vector = (): void => {
    const code = number(OPCODES)
    const isLoadOfPart = code > 83 && code < 94
    if (code < 12 || isLoadOfPart) access()
    // A lane.
    if ((code > 20 && code < 35) || (isLoadOfPart && code < 92)) byte(OTHERS)
    // A constant, or where each byte comes from.
    if (code === 12 || code === 13) bytes(BULK, 16)
  }

  const body = (): void => {
    times(number(LOCALS), () => {
      number(LOCALS)
      byte(LOCALS)
    })
    for (let depth = 1; depth > 0; ) {
      const opcode = byte(OPCODES)
      if (opcode >= LOADS && opcode < 0x3f) {
        access()
        continue
      }
      switch (opcode) {
        case END:
          depth--
          break
        case 0x02: // block
        case 0x03: // loop
        case 0x04: // if
          depth++
          number(BLOCKS)
          break
        case 0x0c: // br
        case 0x0d: // br_if
          number(BRANCHES)
          break
        case 0x0e: // br_table
          times(number(TABLES) + 1, () => number(TABLES))
          break
        case 0x10: // call
          number(CALLS)
          break
        case 0x11: // call_indirect
          number(OTHERS)
          number(OTHERS)
          break
        case 0x1c: // select
          times(number(OTHERS), () => byte(OTHERS))
          break
        case LOCAL_GET:
          number(READ + kind(opcodeAhead()))
          break
        case 0x21: // local.set
        case 0x22: // local.tee
          number(WRITTEN + kind(opcodeAhead()))
          break
        case 0x23: // global.get
        case 0x24: // global.set
        case 0x25: // table.get
        case 0x26: // table.set
        case 0x3f: // memory.size
        case 0x40: // memory.grow
        case 0xd0: // ref.null
        case 0xd2: // ref.func
          number(OTHERS)
          break
        case CONST:
          number(CONSTANTS + kind(opcodeAhead()))
          break
        case 0x42: // i64.const
          number(LONG_CONSTANTS)
          break
        case 0x43: // f32.const
          bytes(BULK, 4)
          break
        case 0x44: // f64.const
          bytes(BULK, 8)
          break
        case 0xfc:
          memory()
          break
        case 0xfd:
          vector()
      }
    }
  }

  bytes(REST, 8)
  while (!isDone()) {
    if (byte(REST) === CODE_SECTION) sized(() => times(number(REST), () => sized(body)))
    else bytes(REST, number(REST))
  }
}

/** What takes an operand, by the opcode after it. */
function kind(next: number): number {
  if (next === CONST) return 1
  if (next === LOCAL_GET) return 2
  if (next === ADD) return 3
  if (next >= LOADS && next < STORES) return 4
  return next >= STORES && next < 0x3f ? 5 : 0
}

/** Puts a module together that {@link walk} took apart: the lengths of all streams and of the module, then the streams. */
export function unite(parts: ArrayBuffer): Uint8Array<ArrayBuffer> {
  const lengths = new Uint32Array(parts, 0, STREAM_COUNT + 1)
  const bytes = new Uint8Array(parts)
  const module = new Uint8Array(lengths[STREAM_COUNT]!)
  const places = new Uint32Array(STREAM_COUNT)
  let place = lengths.byteLength
  for (let stream = 0; stream < STREAM_COUNT; stream++) {
    places[stream] = place
    place += lengths[stream]!
  }
  let at = 0
  walk({
    byte(stream) {
      // So that bytes that were altered end in an error and not in a loop.
      if (at >= module.length) throw new Error(`the module is longer than ${at} bytes`)
      return (module[at++] = bytes[places[stream]!++]!)
    },
    opcodeAhead: () => bytes[places[OPCODES]!]!,
    sized(content) {
      const from = at
      content()
      const length = leb(at - from)
      module.copyWithin(from + length.length, from, at)
      module.set(length, from)
      at += length.length
    },
    isDone: () => at === module.length,
  })
  return module
}

/** An unsigned number as LEB128. */
export function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)]
}

const CODE_SECTION = 10
const END = 0x0b
const LOCAL_GET = 0x20
const LOADS = 0x28
const STORES = 0x36
const CONST = 0x41
const ADD = 0x6a
