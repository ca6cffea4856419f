// The page under test. It imports the built package as a user's page does, keeps a log of every event in order, and
// gives the harness verbs to drive it with. Nothing here retries, waits or forgives on the library's behalf.
import * as meshlace from '/meshlace/index.js'
import { describe, make } from './payload.js'
import * as media from './media.js'

const { MeshError, createRoom, joinRoom } = meshlace

const log = []
const waiting = new Set()
const rooms = {}
const sends = {}

/** Appends to the log and wakes whoever waits for it. Times are wall-clock, so that two pages can be compared. */
function note(type, entry = {}) {
  const line = { at: Date.now(), type, ...entry }
  log.push(line)
  wake()
  return line
}

function wake() {
  for (const check of [...waiting]) check()
}

/** What of an error crosses to the harness. */
function failure(error) {
  if (!(error instanceof Error)) return { name: typeof error, message: String(error) }
  const { name, message, code, delivery, expected, found, limit, peer } = error
  return { name, message, code, delivery, expected, found, limit, peer, mesh: error instanceof MeshError }
}

function watch(name, room) {
  const line = (type) => (entry) => note(type, { room: name, ...entry })
  room.on('status', (status) => line('status')({ status }))
  room.on('peerjoin', (peer) => line('peerjoin')({ peer: peer.id }))
  room.on('peerleave', (peer, reason) => line('peerleave')({ peer: peer.id, reason: plain(reason) }))
  room.on('presence', (state, peer) => line('presence')({ peer: peer.id, state }))
  room.on('error', (error) => line('error')({ error: failure(error) }))
  room.on('message', (data, peer, { to }) => {
    const entry = line('message')({ peer: peer.id, to, ...describe(data, wake) })
    if (survivors) survivors(entry)
  })
  room.on('stream', (stream, peer, label) => media.show(stream, { room: name, peer: peer.id, label }, note))
  room.on('streamend', (stream, peer, label) => line('streamend')({ peer: peer.id, label }))
}

const plain = (value) => (value instanceof Error ? failure(value) : value === undefined ? null : value)

/** Set by `remember`: what is received is also written to storage, so that it outlives a reload of the page. */
let survivors

function remember() {
  survivors = ({ value }) => {
    if (typeof value?.n === 'number') sessionStorage.setItem('got', `${sessionStorage.getItem('got') ?? ''}${value.n},`)
  }
}

const remembered = () => (sessionStorage.getItem('got') ?? '').split(',').filter(Boolean).map(Number)

const room = (name = 'room') => {
  if (!rooms[name]) throw new Error(`this page has not joined ${name}`)
  return rooms[name]
}

/** `identity` crosses from the harness as an array of numbers. */
const options = ({ identity, ...rest } = {}) => (identity ? { ...rest, identity: Uint8Array.from(identity) } : rest)

async function create(server) {
  return (await createOnly(server)).address
}

/** Makes a room address without staying in the room. */
async function createOnly(server) {
  const made = await createRoom({ server, page: location.origin + '/' })
  const address = made.address
  await made.leave?.()
  return { address }
}

/** Joins; `first` is sent in the very tick in which `joinRoom` hands the room over. */
async function join(address, { name = 'room', first, at, ...rest } = {}) {
  if (at) await new Promise((resolve) => setTimeout(resolve, at - Date.now()))
  const started = performance.now()
  const joined = await joinRoom(address, options(rest))
  const sent = first === undefined ? undefined : joined.send(first)
  rooms[name] = joined
  watch(name, joined)
  const joinMs = performance.now() - started
  note('joined', { room: name, selfId: joined.selfId, joinMs })
  if (sent) track('first', sent)
  return { selfId: joined.selfId, joinMs }
}

/** Joins and reports how that ended, for the rooms that must not open. */
async function tryJoin(address, rest) {
  const started = performance.now()
  try {
    const { selfId } = await join(address, rest)
    return { ok: true, selfId, ms: performance.now() - started }
  } catch (error) {
    return { ok: false, error: failure(error), ms: performance.now() - started }
  }
}

/** Notes how a promise of a send ends, under a label the harness asks for later. */
function track(label, promise) {
  const record = { state: 'pending', at: Date.now() }
  sends[label] = record
  promise.then(
    (value) => settle(record, 'resolved', value),
    (error) => settle(record, 'rejected', undefined, failure(error)),
  )
  return record
}

function settle(record, state, value, error) {
  record.state = state
  record.settledAt = Date.now()
  if (error) record.error = error
  if (value?.delivered) {
    record.delivered = [...value.delivered]
    record.failed = [...value.failed].map(([peer, cause]) => [peer, failure(cause)])
  }
  wake()
}

const peerOf = (id, name) => {
  const found = room(name).peers.get(id)
  if (!found) throw new Error(`no peer ${id}; there are ${[...room(name).peers.keys()]}`)
  return found
}

/** Sends what `payload.js` makes of `recipe`, to one peer or to all. */
function send(recipe, { to, name, label = 'send' } = {}) {
  const target = to ? peerOf(to, name) : room(name)
  return track(label, target.send(make(recipe)))
}

/** Sends `{ n }` for n in [from, from + count) in one turn, each tracked as `n`. */
function sendMany(from, count, { to, name, extra } = {}) {
  const target = to ? peerOf(to, name) : room(name)
  for (let n = from; n < from + count; n += 1) track(String(n), target.send({ n, ...extra }))
}

let pump
/** Sends `{ n }` every `everyMs` until told to stop: traffic that something is then done to. */
function pumpStart({ to, name, everyMs = 50, from = 0 } = {}) {
  let n = from
  const turn = () => {
    const target = to ? room(name).peers.get(to) : room(name)
    if (!target) return
    track(String(n), target.send({ n }))
    n += 1
  }
  turn()
  pump = setInterval(turn, everyMs)
  return n
}

function pumpStop() {
  clearInterval(pump)
  return outcomes()
}

/** How the tracked sends stand. */
const outcomes = () => Object.entries(sends).map(([label, record]) => ({ label, ...record }))

/** Resolves with the value of `source(lab, ...args)` once that is truthy; looks again at each event and at 20 Hz. */
function until(source, args, ms) {
  const probe = new Function(`return (${source})`)()
  return new Promise((resolve, reject) => {
    let timer
    let ticks
    const finish = (act, value) => {
      clearTimeout(timer)
      clearInterval(ticks)
      waiting.delete(check)
      act(value)
    }
    const check = async () => {
      try {
        const value = await probe(lab, ...args)
        if (value) finish(resolve, value)
      } catch (error) {
        finish(reject, error)
      }
    }
    timer = setTimeout(() => finish(reject, new Error('deadline')), ms)
    // `peer.state` and counters change without an event of their own.
    ticks = setInterval(check, 50)
    waiting.add(check)
    check()
  })
}

/** Everything a person would want to see when a test fails here. */
async function report() {
  const diagnoses = {}
  for (const [name, one] of Object.entries(rooms)) {
    diagnoses[name] = await Promise.race([
      one.diagnose().catch((error) => failure(error)),
      new Promise((resolve) => setTimeout(resolve, 2_000, 'diagnose() did not answer within 2 s')),
    ])
  }
  const open = outcomes()
  return JSON.stringify(
    {
      rooms: Object.fromEntries(Object.entries(rooms).map(([name, one]) => [name, summary(one)])),
      log: log.slice(-40).map(short),
      sends: {
        pending: open.filter(({ state }) => state === 'pending').length,
        resolved: open.filter(({ state }) => state === 'resolved').length,
        rejected: open.filter(({ state }) => state === 'rejected').slice(0, 5),
      },
      diagnoses,
    },
    (_key, value) => (value instanceof Map ? Object.fromEntries(value) : typeof value === 'bigint' ? Number(value) : value),
    1,
  )
}

const short = (line) => JSON.parse(JSON.stringify(line, (_key, value) => (typeof value === 'string' ? value.slice(0, 120) : value)))

const summary = (one) => ({
  selfId: one.selfId,
  status: one.status,
  peers: Object.fromEntries([...one.peers].map(([id, peer]) => [id, peer.state])),
})

/** Ids of the peers whose link is open. */
const open = (name) => [...room(name).peers.values()].filter((peer) => peer.state === 'open').map((peer) => peer.id)

/** The log lines of one type, of one room. */
const of = (type, name = 'room') => log.filter((line) => line.type === type && line.room === name)

/** The numbers of the `{ n }` messages received, in the order they came. */
const numbers = (name, from) =>
  of('message', name)
    .filter((line) => typeof line.value?.n === 'number' && (!from || line.peer === from))
    .map((line) => line.value.n)

const boards = {}

/** A store of texts in the order of their actions, with who wrote how many and a little chance. */
function board(name = 'room') {
  return (boards[name] ??= room(name).store('board', {
    version: 1,
    initial: { texts: [], by: {}, chance: 0 },
    reduce: (state, { type, text }, { member, random }) => {
      if (type === 'throw') throw new Error('asked to')
      return {
        texts: [...state.texts, text],
        by: { ...state.by, [member]: (state.by[member] ?? 0) + 1 },
        chance: state.chance + random(),
      }
    },
    allow: (_state, { text }) => text !== 'never',
  }))
}

/** Writes texts `prefix-0`, `prefix-1`, ..; `apart` lets a turn pass between them. Notes what becomes of each. */
async function write(prefix, count, { name, apart = false } = {}) {
  for (let n = 0; n < count; n += 1) {
    const text = `${prefix}-${n}`
    track(text, board(name).dispatch({ type: 'add', text }).stored)
    if (apart) await new Promise((resolve) => setTimeout(resolve, apart === true ? 0 : apart))
  }
}

/** What a page holds of the ledger and makes of it: equal on pages that agree. */
function held(name = 'room') {
  const { ledger } = room(name)
  const state = board(name).getState()
  return { length: ledger.length, digest: ledger.digest, count: state.texts.length, state: JSON.stringify(state) }
}

/** What of the room is on disk: blocks, by their keys in hexadecimal, and actions that wait for the genesis. */
async function disk() {
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
  const { name } = (await indexedDB.databases()).find(({ name }) => name.startsWith('meshlace '))
  const database = await done(indexedDB.open(name))
  try {
    const [records, values] = ['records', 'values'].map((own) => database.transaction(own).objectStore(own))
    const asked = [records.getAllKeys(), records.getAll(), values.get('waiting 0')]
    const [keys, bytes, waiting] = await Promise.all(asked.map(done))
    const hex = (key) => [...new Uint8Array(key)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
    const entries = keys.map((key, at) => [hex(key), [...bytes[at]]]).filter(([key]) => key.startsWith('02'))
    return { blocks: Object.fromEntries(entries), waitingCount: waiting?.length ?? 0 }
  } finally {
    database.close()
  }
}

for (const event of ['error', 'unhandledrejection']) {
  addEventListener(event, (thrown) => {
    const error = thrown.reason ?? thrown.error
    note('uncaught', { room: 'room', error: error ? failure(error) : { message: thrown.message } })
  })
}
for (const event of ['freeze', 'resume', 'pagehide', 'pageshow', 'online', 'offline']) {
  const target = event === 'freeze' || event === 'resume' ? document : window
  target.addEventListener(event, () => note(event))
}

const lab = {
  meshlace, log, rooms, sends, media, note, failure, room, create, createOnly, join, tryJoin, watch, track, send, sendMany,
  pumpStart, pumpStop, outcomes, until, report, open, of, numbers, peerOf, remember, remembered, make, describe,
  board, write, held, disk,
}
globalThis.lab = lab
note('ready')
