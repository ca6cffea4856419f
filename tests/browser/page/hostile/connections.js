// Not hostile: counts the connections this page made and those it has not closed.
{
  const all = []
  const Native = RTCPeerConnection
  globalThis.RTCPeerConnection = class extends Native {
    constructor(...given) {
      super(...given)
      // Only the count outlives a closed connection, so that counting keeps nothing from being collected.
      all.push(this)
      globalThis.connections.made += 1
    }

    close() {
      super.close()
      const at = all.indexOf(this)
      if (at >= 0) all.splice(at, 1)
    }
  }
  globalThis.connections = { made: 0, open: () => all.length }
}
