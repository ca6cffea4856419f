// A page that alters the blocks it sends, or sends every frame twice, once it is told to.
const real = RTCDataChannel.prototype.send
const mark = new TextEncoder().encode('poison')
const find = (bytes) => {
  for (let at = bytes.indexOf(mark[0]); at >= 0; at = bytes.indexOf(mark[0], at + 1)) {
    if (mark.every((byte, index) => bytes[at + index] === byte)) return at
  }
  return -1
}
RTCDataChannel.prototype.send = function (data) {
  const bytes = new Uint8Array(data.buffer ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) : data)
  if (globalThis.hostile === 'alter') {
    const at = find(bytes)
    if (at >= 0) bytes[at] ^= 1
  }
  real.call(this, bytes)
  if (globalThis.hostile === 'replay') real.call(this, bytes)
}
