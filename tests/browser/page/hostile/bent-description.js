// Describes itself with a second DTLS fingerprint that its own core never saw: the browser's description gets a harmless
// line of the same length, and once the core has checked and kept it, the line is overwritten in the core's memory. What
// is then sealed and sent is what another program with this peer's key could say.
globalThis.bent = 0
{
  const other = Array.from({ length: 32 }, (_, index) => (index + 16).toString(16).toUpperCase()).join(':')
  const second = `a=fingerprint:sha-256 ${other}\r\n`
  const harmless = `a=x-harmless:${'x'.repeat(second.length - 'a=x-harmless:\r\n'.length)}\r\n`
  const own = Object.getOwnPropertyDescriptor(RTCPeerConnection.prototype, 'localDescription')
  Object.defineProperty(RTCPeerConnection.prototype, 'localDescription', {
    ...own,
    get() {
      const real = own.get.call(this)
      if (!real) return real
      const sdp = real.sdp.replace(/^a=fingerprint:.*\r\n/m, (line) => line + harmless)
      return new RTCSessionDescription({ type: real.type, sdp })
    },
  })

  const [from, to] = [harmless, second].map((line) => new TextEncoder().encode(line))
  const bend = (memory) => {
    const bytes = new Uint8Array(memory.buffer)
    for (let at = bytes.indexOf(from[0]); at >= 0; at = bytes.indexOf(from[0], at + 1)) {
      if (!from.every((byte, index) => bytes[at + index] === byte)) continue
      bytes.set(to, at)
      globalThis.bent += 1
    }
  }
  // After each call into the core: when a description is handed in, its check is over by then.
  const Native = WebAssembly.Instance
  WebAssembly.Instance = function (...given) {
    const { exports } = new Native(...given)
    const watched = Object.entries(exports).map(([name, value]) => [
      name,
      typeof value !== 'function' || /malloc|realloc/.test(name) ? value : (...passed) => {
        const result = value(...passed)
        bend(exports.memory)
        return result
      },
    ])
    return { exports: Object.fromEntries(watched) }
  }
}
