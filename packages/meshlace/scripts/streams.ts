/** The other half of src/streams.ts, which only the build needs: takes a module apart. */
import { ALIGNMENTS, STREAM_COUNT, unite, walk, type Walker } from '../src/streams.js'

/**
 * Sets what loads and stores say of their alignment to nothing: a hint that engines on the machines of today do not
 * read, and that weighs 3 KB.
 */
export function withoutAlignments(module: Uint8Array): Buffer {
  const changed = Buffer.from(module)
  walk(
    reader(module, (at, stream) => {
      if (stream === ALIGNMENTS) changed[at] = 0
    }),
  )
  return changed
}

/** What `unite` makes `module` of. Throws where the two would differ. */
export function takeApart(module: Uint8Array): Buffer {
  const streams: number[][] = Array.from({ length: STREAM_COUNT }, () => [])
  walk(reader(module, (at, stream) => streams[stream]!.push(module[at]!)))
  const lengths = Uint32Array.from([...streams.map((stream) => stream.length), module.length])
  const parts = Buffer.concat([Buffer.from(lengths.buffer), ...streams.map((stream) => Buffer.from(stream))])
  if (!Buffer.from(unite(Uint8Array.from(parts).buffer)).equals(module)) {
    throw new Error('src/streams.ts does not know all that the module holds')
  }
  return parts
}

/** Walks over `module` and shows the place of each byte that belongs to a stream. */
function reader(module: Uint8Array, show: (at: number, stream: number) => void): Walker {
  let at = 0
  /** Behind the number at `from`. */
  const skip = (from: number): number => {
    while (module[from++]! > 127);
    return from
  }
  return {
    byte(stream) {
      if (at >= module.length) throw new Error(`the module ends after ${at} bytes, within a function`)
      show(at, stream)
      return module[at++]!
    },
    opcodeAhead: () => module[skip(at)]!,
    sized(content) {
      at = skip(at)
      content()
    },
    isDone: () => at >= module.length,
  }
}
