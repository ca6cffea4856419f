// Not hostile: records the length of the longest description that this page made.
globalThis.longestDescription = 0
{
  const { setLocalDescription } = RTCPeerConnection.prototype
  RTCPeerConnection.prototype.setLocalDescription = async function (...given) {
    await setLocalDescription.apply(this, given)
    globalThis.longestDescription = Math.max(globalThis.longestDescription, this.localDescription.sdp.length)
  }
}
