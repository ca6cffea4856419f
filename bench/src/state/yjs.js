// Yjs: one Y.Map. Between pages y-webrtc with its own signalling server; unsigned.
import { WebrtcProvider } from 'y-webrtc'
import * as Y from 'yjs'
import { AUTHORS, keyOf } from './subject.js'

/** @type {import('./subject.js').Subject['cold']} */
export async function cold(count) {
  const updates = []
  for (let author = 0; author < AUTHORS; author += 1) {
    const doc = new Y.Doc()
    doc.on('update', (update) => updates.push(update))
    for (let step = 0; step < count / AUTHORS; step += 1) doc.getMap('map').set(keyOf(step), step)
  }
  return async () => {
    const doc = new Y.Doc()
    for (const update of updates) Y.applyUpdate(doc, update)
    return updates.length
  }
}

/** @type {import('./subject.js').Subject['open']} */
export async function open({ server, room }) {
  const doc = new Y.Doc()
  const map = doc.getMap('map')
  let bytes = 0
  doc.on('update', (update, origin) => {
    if (origin === null) bytes += update.length
  })
  const provider =
    server &&
    new WebrtcProvider(room, doc, {
      signaling: [server.replace('http', 'ws')],
      peerOpts: { config: { iceServers: [] } },
    })
  return {
    linked: () =>
      new Promise((resolve) => {
        provider.on('synced', ({ synced }) => synced && resolve())
      }),
    edit: (step) => map.set(keyOf(step), step),
    together: (count) =>
      doc.transact(() => {
        for (let step = 0; step < count; step += 1) map.set(keyOf(step), step)
      }),
    last: () => map.get('k99'),
    changed: (listener) => map.observe(listener),
    sentBytes: async () => bytes,
    async leave() {
      provider?.destroy()
      doc.destroy()
    },
  }
}
