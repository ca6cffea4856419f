// Not hostile: records the most bytes any data channel ever had buffered, and how many channels closed.
globalThis.buffered = { most: 0, closed: 0 }
{
  const { send } = RTCDataChannel.prototype
  RTCDataChannel.prototype.send = function (data) {
    send.call(this, data)
    globalThis.buffered.most = Math.max(globalThis.buffered.most, this.bufferedAmount)
    if (!this.counted) {
      this.counted = true
      this.addEventListener('close', () => (globalThis.buffered.closed += 1))
    }
  }
}
