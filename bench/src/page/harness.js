// Runs in every page of every contestant. It is handed a subject (subjects/subject.js) and puts the
// measurements on `window.bench`, where the runner calls them. Nothing in here knows the contestants
// apart.

/** Milliseconds on the machine's clock, so that stamps of two pages can be compared. */
const now = () => performance.timeOrigin + performance.now()

const FIRST = 'first'
const DONE = 'done'
const SMALL_BYTES = 100

/** Messages between two looks at back-pressure: often enough for any buffer, rare enough to be free. */
const READY_EVERY = 32

/** @param {{ join: import('../subjects/subject.js').Join, load?: () => Promise<void> }} subject */
export async function install(subject) {
  let session
  let started
  const peers = []
  const firsts = new Map()
  const faults = []
  const waiting = { peers: signalOf(), firsts: signalOf(), done: signalOf(), echo: signalOf() }
  let awaited = { bytes: 0, count: 0, received: 0 }

  addEventListener('error', ({ message }) => faults.push(message))
  addEventListener('unhandledrejection', ({ reason }) => faults.push(String(reason?.stack ?? reason)))

  const events = {
    open(peer) {
      peers.push(peer)
      waiting.peers.wake()
      // The session is not there yet when a subject announces a peer while it is still joining.
      if (session) session.send(peer, FIRST)
    },
    message(peer, data) {
      if (typeof data === 'string') receiveText(peer, data)
      else receiveBytes(peer, data)
    },
  }

  function receiveText(peer, text) {
    switch (text[0]) {
      case 'p':
        return session.send(peer, `q${text.slice(1)}`)
      case 'q':
        return waiting.echo.wake()
      case 'm':
        return receiveNumbered(peer, text)
    }
    if (text === FIRST) {
      if (!firsts.has(peer)) firsts.set(peer, now())
      waiting.firsts.wake()
    } else if (text === DONE) {
      waiting.done.wake()
    }
  }

  function receiveNumbered(peer, text) {
    if (Number.parseInt(text.slice(1), 10) !== awaited.received) {
      faults.push(`message ${awaited.received} expected, found ${text.slice(0, 12)}`)
    }
    awaited.received += 1
    if (awaited.received === awaited.count) session.send(peer, DONE)
  }

  function receiveBytes(peer, data) {
    awaited.received += data.byteLength
    if (awaited.received === awaited.bytes) session.send(peer, DONE)
    if (awaited.received > awaited.bytes) faults.push('more bytes arrived than were sent')
  }

  async function until(signal, condition) {
    while (!condition()) await signal.next()
  }

  await subject.load?.()

  window.bench = {
    /** Joins at the instant `at` and resolves when the server has admitted us. */
    async join({ at, ...options }) {
      while (now() < at - 2) await new Promise((resolve) => setTimeout(resolve, at - 2 - now()))
      while (now() < at);
      started = now()
      session = await subject.join(options, events)
      for (const peer of peers) session.send(peer, FIRST)
      return { started }
    },

    /** Resolves when the first message of each of `count` peers has arrived, with the last's stamp. */
    async heard({ count }) {
      await until(waiting.firsts, () => firsts.size >= count)
      return { started, last: Math.max(...firsts.values()) }
    },

    /** Tells the receiver what to count; `DONE` goes back when the last of it has arrived. */
    expect({ bytes = 0, count = 0 }) {
      awaited = { bytes, count, received: 0 }
    },

    /** Sends `total` bytes in messages of `messageBytes`; resolves when all have been received. */
    async bulk({ total, messageBytes }) {
      const message = randomBytes(messageBytes)
      const done = waiting.done.next()
      const from = now()
      for (let sent = 0; sent < total; sent += messageBytes) {
        await session.sendBytes(peers[0], message)
      }
      await Promise.all([done, session.settled()])
      return { ms: now() - from }
    },

    /** Sends `count` numbered messages of 100 bytes; resolves when all have been received. */
    async flood({ count }) {
      const done = waiting.done.next()
      const from = now()
      for (let index = 0; index < count; index += 1) {
        session.send(peers[0], `m${index}`.padEnd(SMALL_BYTES, ' '))
        if (index % READY_EVERY === 0) {
          const wait = session.ready(peers[0])
          if (wait) await wait
        }
      }
      await Promise.all([done, session.settled()])
      return { ms: now() - from }
    },

    /** Sends a message of 100 bytes and waits for its echo, `count` times. */
    async pingPong({ count }) {
      const roundTrips = []
      for (let index = 0; index < count; index += 1) {
        const echo = waiting.echo.next()
        const from = performance.now()
        session.send(peers[0], `p${index}`.padEnd(SMALL_BYTES, ' '))
        await echo
        roundTrips.push(performance.now() - from)
      }
      return { roundTrips }
    },

    /** What went wrong unnoticed: exceptions of the page, lost or doubled messages. */
    faults: () => faults,

    leave: () => session?.leave(),
  }
}

/** A condition variable: `next()` resolves at the next `wake()`. */
function signalOf() {
  let resolve
  let promise
  return {
    next() {
      promise ??= new Promise((settle) => (resolve = settle))
      return promise
    },
    wake() {
      resolve?.()
      promise = undefined
      resolve = undefined
    },
  }
}

function randomBytes(length) {
  const bytes = new Uint8Array(length)
  for (let offset = 0; offset < length; offset += 65536) {
    crypto.getRandomValues(bytes.subarray(offset, offset + 65536))
  }
  return bytes
}
