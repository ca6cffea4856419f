// Not hostile: a page that links with nobody until `meet()` is called, since it applies no description before.
{
  const { setRemoteDescription } = RTCPeerConnection.prototype
  const mayMeet = new Promise((resolve) => (globalThis.meet = resolve))
  RTCPeerConnection.prototype.setRemoteDescription = function (...given) {
    return mayMeet.then(() => setRemoteDescription.apply(this, given))
  }
}
