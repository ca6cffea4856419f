/**
 * The WebAssembly module: memory that both sides write, and the few functions that cross.
 *
 * This stands in the place of what wasm-bindgen would generate, which is made for more than is needed here.
 * Names are those of wasm-bindgen without their hashes; `xtask/wasm-tool` sees to that.
 */

/** A place in memory. */
type Place = number

interface Exports {
  readonly memory: WebAssembly.Memory
  /** Memory that whoever it is handed to frees. */
  malloc(size: number, align: number): Place
  core_new(): Place
  core_free(core: Place, isLate: number): void
  core_call(
    core: Place,
    monotonic: number,
    wall: number,
    number: number,
    values: Place,
    valuesLength: number,
    beside: Place,
    besideLength: number,
  ): number
  core_frame(
    core: Place,
    monotonic: number,
    wall: number,
    connection: number,
    channel: number,
    bytes: Place,
    length: number,
  ): number
}

/** Takes what the core hands over, as views that hold until it returns. */
export type Take = (written: Uint8Array, beside: Uint8Array) => void

let wasm: Exports
let memory: Uint8Array
/** Frees cores that nobody holds any more. */
let forgotten: FinalizationRegistry<Place>

/** Makes an instance of the module, once. */
export function instantiate(module: WebAssembly.Module, take: Take): void {
  if (wasm !== undefined) return
  const imports = {
    take: (at: Place, length: number, beside: Place, besideLength: number) =>
      take(view(at, length), view(beside, besideLength)),
    throw(at: Place, length: number) {
      throw new Error(new TextDecoder().decode(view(at, length)))
    },
    // No reference to a value of JavaScript crosses.
    init_externref_table() {},
  }
  wasm = new WebAssembly.Instance(module, { './meshlace_wasm_bg.js': imports }).exports as unknown as Exports
  memory = new Uint8Array(wasm.memory.buffer)
  forgotten = new FinalizationRegistry((core) => wasm.core_free(core, 1))
}

/** `Core` of `crates/wasm`. */
export class Core {
  readonly #place = wasm.core_new()

  constructor() {
    forgotten.register(this, this.#place, this)
  }

  call(monotonic: number, wall: number, number: number, values: Uint8Array, beside: Uint8Array): number {
    const [at, besideAt] = [put(values), put(beside)]
    return wasm.core_call(this.#place, monotonic, wall, number, at, values.length, besideAt, beside.length)
  }

  frame(monotonic: number, wall: number, connection: number, channel: number, bytes: Uint8Array): number {
    return wasm.core_frame(this.#place, monotonic, wall, connection, channel, put(bytes), bytes.length)
  }

  free(): void {
    forgotten.unregister(this)
    wasm.core_free(this.#place, 0)
  }
}

/** Copies bytes into memory, for the next call. */
function put(bytes: Uint8Array): Place {
  // Most calls have nothing beside: no place is taken for it, nor given back.
  if (bytes.length === 0) return NOWHERE
  const at = wasm.malloc(bytes.length, 1) >>> 0
  whole().set(bytes, at)
  return at
}

/** Where Rust thinks that a list without entries lies: anywhere but at 0. */
const NOWHERE: Place = 1

function view(at: Place, length: number): Uint8Array {
  return whole().subarray(at >>> 0, (at >>> 0) + length)
}

/** All of memory, which is another array whenever it has grown. */
function whole(): Uint8Array {
  if (memory.length === 0) memory = new Uint8Array(wasm.memory.buffer)
  return memory
}
