// Runs in every page of the state measures. It is handed a subject (state/subject.js) and puts the
// measurements on `window.bench`.

const now = () => performance.timeOrigin + performance.now()

/** What a task of its own is, for contestants that gather what one tick brings. */
const nextTask = () => new Promise((resolve) => setTimeout(resolve))

/** @param {import('../state/subject.js').Subject & { load?: () => Promise<unknown> }} subject */
export async function install(subject) {
  let replica
  let takeIn
  const memories = watchMemories()
  await subject.load?.()

  window.bench = {
    /** Makes a history ready; outside the timed part. */
    async prepare({ count, file, server }) {
      const fetchFile = async () => new Uint8Array(await (await fetch(file)).arrayBuffer())
      takeIn = await subject.cold(count, fetchFile, server)
    },

    /** Takes the history in. */
    async cold() {
      const from = now()
      const count = await takeIn()
      return { ms: now() - from, count }
    },

    async open(options) {
      replica = await subject.open(options)
    },

    linked: () => replica.linked(),

    /** Edits `count` times in one loop. Resolves with the time of the first. */
    async edit({ count }) {
      const from = now()
      for (let step = 0; step < count; step += 1) replica.edit(step)
      replica.flush?.()
      return { from }
    },

    /** Resolves with the time at which the last of `count` edits showed here. */
    complete: ({ count }) =>
      new Promise((resolve) => {
        const look = () => replica.last() === count - 1 && resolve({ at: now() })
        replica.changed(look)
        look()
      }),

    /** Bytes for each of `count` edits: made together, and in a task of its own each. */
    async bytes({ count }) {
      const before = await replica.sentBytes()
      replica.together(count)
      await settled(replica)
      const between = await replica.sentBytes()
      for (let step = 0; step < count; step += 1) {
        replica.edit(step)
        await nextTask()
      }
      await settled(replica)
      const after = await replica.sentBytes()
      return { burst: (between - before) / count, single: (after - between) / count }
    },

    /** Resolves when so many edits of others are here. */
    holds: ({ count }) => replica.holds(count),

    /** Units: bytes, of all WebAssembly memories of the page. */
    memory: () => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0),

    leave: () => replica?.leave(),
  }
}

/** Waits until nothing more is sent. */
async function settled({ sentBytes }) {
  for (let before = -1, bytes = await sentBytes(); bytes !== before; ) {
    await new Promise((resolve) => setTimeout(resolve, 300))
    ;[before, bytes] = [bytes, await sentBytes()]
  }
}

/** Collects the memories of the modules that are instantiated from now on. */
function watchMemories() {
  const memories = []
  WebAssembly.Instance = class extends WebAssembly.Instance {
    constructor(...args) {
      super(...args)
      if (this.exports.memory) memories.push(this.exports.memory)
    }
  }
  return memories
}
