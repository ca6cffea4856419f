// A disk that is full from the moment that `diskIsFull` is set. The quota that can be set from outside does not hold for
// the few kilobytes of a test.
for (const method of ['add', 'put']) {
  const real = IDBObjectStore.prototype[method]
  IDBObjectStore.prototype[method] = function (...given) {
    if (globalThis.diskIsFull) throw new DOMException('the disk is full', 'QuotaExceededError')
    return real.apply(this, given)
  }
}
