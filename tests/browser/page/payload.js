// Payloads of every kind the API takes, made from a short recipe on one side and described shortly on the other, so
// that the harness compares a few numbers instead of megabytes.

/** Bytes that depend on their place, so that a lost, doubled or swapped piece changes the sum. */
export function bytes(count, seed = 1) {
  const made = new Uint8Array(count)
  const words = new Uint32Array(made.buffer, 0, count >> 2)
  let state = seed >>> 0 || 1
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[index] = state
  }
  for (let index = words.length * 4; index < count; index += 1) made[index] = index
  return made
}

/** FNV-1a over 32 bits: synchronous, and plenty against accidents, which is what it is for here. */
export function sum(view) {
  let hash = 0x811c9dc5
  for (let index = 0; index < view.length; index += 1) hash = Math.imul(hash ^ view[index], 0x01000193)
  return hash >>> 0
}

/** Turns `{ kind, count, seed, name, type, value }` into the value to send. */
export function make({ kind, count = 0, seed, name, type, value }) {
  switch (kind) {
    case 'value':
      return value
    case 'string':
      return 'mesh\u00e9 \u{1f578} '.repeat(Math.ceil(count / 8)).slice(0, count)
    case 'ArrayBuffer':
      return bytes(count, seed).buffer
    case 'Uint8Array':
      return bytes(count, seed)
    case 'Float64Array':
      return Float64Array.from({ length: count }, (_, index) => index / 3)
    case 'view': // A window into a larger buffer: only the window may travel.
      return new Uint8Array(bytes(count + 64, seed).buffer, 32, count)
    case 'Blob':
      return new Blob([bytes(count, seed)], { type })
    case 'File':
      return new File([bytes(count, seed)], name, { type })
    default:
      throw new Error(`no recipe for ${kind}`)
  }
}

/** What arrived, in brief. A Blob is read in the background: `sum` appears later, and `wake` says when. */
export function describe(data, wake = () => {}) {
  if (data instanceof Blob) {
    const brief = { kind: data instanceof File ? 'File' : 'Blob', size: data.size, mime: data.type }
    if (data instanceof File) brief.name = data.name
    data.arrayBuffer().then((buffer) => {
      brief.sum = sum(new Uint8Array(buffer))
      wake()
    })
    // The caller spreads nothing of a Blob: it keeps this very object, so that the sum reaches the log.
    return { body: brief }
  }
  if (data instanceof Uint8Array) return { body: { kind: 'bytes', size: data.length, sum: sum(data) } }
  if (typeof data === 'string' && data.length > 1_000) return { body: { kind: 'string', size: data.length, text: data.slice(0, 24) } }
  return { value: data }
}

/** What `describe` must say, at the end, of a recipe that was sent. */
export function expected(recipe) {
  const made = make(recipe)
  const view = (one) => (ArrayBuffer.isView(one) ? new Uint8Array(one.buffer, one.byteOffset, one.byteLength) : new Uint8Array(one))
  const { kind, count, name, type } = recipe
  if (kind === 'Blob') return { kind, size: count, mime: type ?? '', sum: sum(bytes(count, recipe.seed)) }
  if (kind === 'File') return { kind, size: count, mime: type ?? '', name, sum: sum(bytes(count, recipe.seed)) }
  if (kind === 'string') return { kind, size: made.length, text: made.slice(0, 24) }
  return { kind: 'bytes', size: view(made).length, sum: sum(view(made)) }
}
