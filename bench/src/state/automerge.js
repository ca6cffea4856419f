// Automerge: one map. It brings no network of its own; its sync protocol runs over a bare data channel.
import { automergeWasmBase64 } from '@automerge/automerge/automerge.wasm.base64'
import * as Automerge from '@automerge/automerge/slim'
import { join } from '../subjects/bare.js'
import { AUTHORS, keyOf } from './subject.js'

export const load = () => Automerge.initializeBase64Wasm(automergeWasmBase64)

/** How many edits one message of the sync protocol brings: more would not fit a channel's message. */
const EDITS_PER_MESSAGE = 1_000

/** @type {import('./subject.js').Subject['cold']} */
export async function cold(count) {
  let all = Automerge.init()
  for (let author = 0; author < AUTHORS; author += 1) {
    let doc = Automerge.init()
    for (let step = 0; step < count / AUTHORS; step += 1) doc = set(doc, step)
    all = Automerge.merge(all, doc)
  }
  const bytes = Automerge.save(all)
  return async () => Automerge.stats(Automerge.load(bytes)).numChanges
}

/** @type {import('./subject.js').Subject['open']} */
export async function open({ server, room, index }) {
  let doc = Automerge.init()
  let state = Automerge.initSyncState()
  let bytes = 0
  let unsent = 0
  let other
  let changed = () => {}
  let find
  const found = new Promise((resolve) => (find = resolve))

  function synchronise() {
    const [next, message] = Automerge.generateSyncMessage(doc, state)
    state = next
    if (message && other) session.send(other, message)
  }

  const events = {
    open(peer) {
      other = peer
      find()
    },
    message(peer, data) {
      other = peer
      ;[doc, state] = Automerge.receiveSyncMessage(doc, state, new Uint8Array(data))
      changed()
      synchronise()
    },
  }
  const session = server && (await join({ server, room, id: String(index) }, events))

  return {
    linked: () => found,
    edit(step) {
      doc = set(doc, step)
      bytes += Automerge.getLastLocalChange(doc).length
      unsent += 1
      if (session && unsent >= EDITS_PER_MESSAGE) {
        unsent = 0
        synchronise()
      }
    },
    together(count) {
      doc = Automerge.change(doc, (draft) => {
        for (let step = 0; step < count; step += 1) draft[keyOf(step)] = step
      })
      bytes += Automerge.getLastLocalChange(doc).length
    },
    flush: synchronise,
    last: () => doc.k99,
    changed: (listener) => (changed = listener),
    sentBytes: async () => bytes,
    leave: async () => session?.leave(),
  }
}

const set = (doc, step) =>
  Automerge.change(doc, (draft) => {
    draft[keyOf(step)] = step
  })
