// Sends signals of 17 KiB, over the 16 KiB that the protocol allows, from the `globalThis.largeFrom`-th message on.
{
  const { send } = WebSocket.prototype
  let count = 0
  WebSocket.prototype.send = function (data) {
    count += 1
    if (count < (globalThis.largeFrom ?? 1)) return send.call(this, data)
    const padded = new Uint8Array(17 * 1024)
    padded.set(new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength))
    return send.call(this, padded)
  }
}
