// A browser that stores nothing, as some are in private windows.
Object.defineProperty(globalThis, 'indexedDB', {
  get() {
    throw new DOMException('storage is not allowed here', 'SecurityError')
  },
})
