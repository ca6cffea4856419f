// Alters every hello that this page sends: `globalThis.forge` says how.
// `flip` spoils the last byte (the signature); a peer id puts that peer's key in place of ours.
{
  const key = (id) => Uint8Array.from(atob(id.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
  /** The frame `[1, body: bytes, signature: bytes(64)]`, told by its head: a page may send it before it has its room. */
  const isHello = (bytes) => bytes[0] === 0x83 && bytes[1] === 1
  /** In the body `[lowest, highest, room: 32 bytes, session: 16 bytes, epoch, our key, ..]`, all numbers small. */
  const keyAt = (bytes) => {
    const head = { 0x58: 2, 0x59: 3 }[bytes[2]]
    const at = 2 + head + 1 + 2 + 34 + 17 + 1
    if (bytes[at] !== 0x58 || bytes[at + 1] !== 32) throw new Error(`no key at byte ${at} of a hello`)
    return at + 2
  }
  globalThis.forged = 0
  const { send } = RTCDataChannel.prototype
  RTCDataChannel.prototype.send = function (data) {
    const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength).slice()
    if (isHello(bytes)) {
      globalThis.forged += 1
      if (globalThis.forge === 'flip') bytes[bytes.length - 1] ^= 1
      else bytes.set(key(globalThis.forge), keyAt(bytes))
    }
    return send.call(this, bytes)
  }
}
