// Not hostile: a slow machine, on which a remote description takes 300 ms to be applied.
{
  const { setRemoteDescription } = RTCPeerConnection.prototype
  RTCPeerConnection.prototype.setRemoteDescription = async function (description) {
    await new Promise((resolve) => setTimeout(resolve, 300))
    return setRemoteDescription.call(this, description)
  }
}
