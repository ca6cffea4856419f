// Meshlace: one store; every edit is an action, signed and hash-linked. Between pages `meshlace serve`.
import { joinRoom, preload } from 'meshlace'
import { keyOf } from './subject.js'

const reduce = (state, { type, key, value }) => (type === 'set' ? { ...state, [key]: value } : state)

export const load = preload

/** @type {import('./subject.js').Subject['cold']} */
export async function cold(_count, fetchFile, server) {
  const file = await fetchFile()
  const room = await joinRoom('bench', options({ server }))
  return async () => (await room.ledger.import(file)).heldCount
}

/** @type {import('./subject.js').Subject['open']} */
export async function open({ server, room: name, stored }) {
  const room = await joinRoom(name, options({ server, stored }))
  const store = room.store('map', { version: 1, initial: {}, reduce })
  const edit = (step) => store.dispatch({ type: 'set', key: keyOf(step), value: step })
  return {
    linked: () =>
      new Promise((resolve) => {
        room.on('peerjoin', resolve)
        if (room.status === 'connected') resolve()
      }),
    edit,
    together(count) {
      for (let step = 0; step < count; step += 1) edit(step)
    },
    last: () => store.getState().k99,
    changed: (listener) => store.subscribe(listener),
    async sentBytes() {
      const { peers } = await room.diagnose()
      return peers.reduce((sum, { sentBytes }) => sum + (sentBytes ?? 0), 0)
    },
    async holds(count) {
      while (room.ledger.length < count) await new Promise((resolve) => setTimeout(resolve, 50))
    },
    leave: () => room.leave(),
  }
}

const options = ({ server, stored = false }) => ({
  server: server.replace('http', 'ws'),
  iceServers: [],
  storage: stored ? 'browser' : 'memory',
})
