// A page that speaks the ledger's protocol by hand. It makes keys, blocks and messages of its own, true or false, and sends
// them as raw frames: each text `HOSTILE n` that it sends leaves as `stranger.payloads[n]`, a message of the ledger.
globalThis.stranger = (() => {
  const head = (major, value) =>
    value < 24 ? [(major << 5) | value]
    : value < 256 ? [(major << 5) | 24, value]
    : value < 65_536 ? [(major << 5) | 25, value >> 8, value & 255]
    : [(major << 5) | 26, value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]
  /** CBOR of numbers, texts, bytes, arrays and null. */
  const encode = (value) =>
    value === null ? [0xf6]
    : typeof value === 'number' ? head(0, value)
    : typeof value === 'string' ? [...head(3, value.length), ...new TextEncoder().encode(value)]
    : value instanceof Uint8Array ? [...head(2, value.length), ...value]
    : [...head(4, value.length), ...value.flatMap(encode)]
  const cbor = (value) => Uint8Array.from(encode(value))
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))

  async function key() {
    const { publicKey, privateKey } = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
    return { id: new Uint8Array(await crypto.subtle.exportKey('raw', publicKey)), privateKey }
  }
  const sign = async ({ privateKey }, context, message) =>
    new Uint8Array(await crypto.subtle.sign('Ed25519', privateKey, globalThis.derive(context, message)))

  const room = () => bytes(/#([\w-]{43})\./.exec(globalThis.lab.room().address)[1])

  /** A member's credential for an author; `claimed` is the member whom it names. */
  async function credential(member, author, claimed = member.id) {
    return [claimed, 0, await sign(member, 'slot', cbor([room(), author.id, 0])), []]
  }

  /** A block as it travels, its id beside it. `signer` undefined leaves it without a signature. */
  async function block({ author, seq = 0, prev = null, parents = [], height = 1, credential = null, payload, signer }) {
    const body = Uint8Array.from([...new Uint8Array(16), ...payload])
    const header = cbor([author, seq, prev, parents, null, height, 0, Date.now() % 2 ** 32, body.length, globalThis.derive('body', body), credential])
    const id = globalThis.derive('block', room(), header)
    return { id, wire: [header, body, signer ? await sign(signer, 'block signature', id) : null] }
  }

  const page = (...runs) => cbor([3, 0, runs.map((run) => run.map(({ wire }) => wire))])

  /** One action `{ type: 'x' }` of a store that nobody has. */
  const payload = cbor([1, [['other', ['type']]], [0], ['x']])
  return { payloads: [], key, credential, block, page, cbor, bytes, payload }
})()

{
  const MESSAGES = 3
  const LEDGER = [0x81, 10]
  const { send } = RTCDataChannel.prototype

  /** The head of an item: what it counts, and where it ends. */
  function read(frame, at) {
    const small = frame[at] & 31
    if (small < 24) return [small, at + 1]
    const size = 1 << (small - 24)
    let value = 0
    for (let n = 1; n <= size; n += 1) value = value * 256 + frame[at + n]
    return [value, at + 1 + size]
  }

  /** A frame of messages: the number of the first one, what is acknowledged, as bytes, and the bodies. */
  function partsOf(frame) {
    const [first, received] = read(frame, 2)
    const start = read(frame, received)[1]
    let [count, at] = read(frame, start)
    const bodies = Array.from({ length: count }, () => {
      const [length, from] = read(frame, at)
      at = from + length
      return frame.slice(from, at)
    })
    return { first, receivedTo: frame.slice(received, start), bodies }
  }

  RTCDataChannel.prototype.send = function (data) {
    const frame = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength).slice()
    if (this.label !== 'control' || frame[1] !== MESSAGES) return send.call(this, frame)
    const { cbor, payloads } = globalThis.stranger
    const { first, receivedTo, bodies } = partsOf(frame)
    bodies.forEach((body, n) => {
      const [, number] = /HOSTILE (\d+)/.exec(new TextDecoder().decode(body)) ?? []
      const own = number ? Uint8Array.from([...LEDGER, ...payloads[number]]) : body
      // A frame each: together they may be longer than a frame.
      send.call(this, Uint8Array.from([frame[0], MESSAGES, ...cbor(first + n), ...receivedTo, ...cbor([own])]))
    })
  }
}
