// Describes itself with a second DTLS fingerprint, that of a machine in the middle.
{
  const own = Object.getOwnPropertyDescriptor(RTCPeerConnection.prototype, 'localDescription')
  const other = Array.from({ length: 32 }, (_, index) => (index + 16).toString(16).toUpperCase()).join(':')
  Object.defineProperty(RTCPeerConnection.prototype, 'localDescription', {
    ...own,
    get() {
      const real = own.get.call(this)
      if (!real) return real
      const sdp = real.sdp.replace(/^a=fingerprint:.*\r\n/m, (line) => `${line}a=fingerprint:sha-256 ${other}\r\n`)
      return new RTCSessionDescription({ type: real.type, sdp })
    },
  })
}
