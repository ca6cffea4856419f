// The live picture of the links: what `room.diagnose()` says, about once a second, as figures for
// the drawing and as words for whoever asks.

import { signal } from '@preact/signals'
import type { LinkState, PeerReport } from 'meshlace'

import { bytes, counted, delay, duration } from './format'
import type { DemoRoomHandle } from './session'

/** One link of ours, as it is drawn. */
export interface LinkView {
  peer: string
  state: LinkLook
  roundTripMs: number | null
  /** Bytes per second. */
  sentRate: number
  receivedRate: number
  sentBytes: number
  receivedBytes: number
  queuedBytes: number
  report: PeerReport
}

/** How a link is drawn. `routed` and `relayed` look like an open one. */
export type LinkLook = 'linking' | 'open' | 'recovering' | 'away'

export const links = signal<ReadonlyMap<string, LinkView>>(new Map())
/** Links between others, as they tell us: `a b` (the smaller id first) and its look. */
export const farLinks = signal<ReadonlyMap<string, LinkLook>>(new Map())
/** `connected`, `connecting`, or why not. */
export const server = signal('connected')

const looks: readonly string[] = ['linking', 'open', 'recovering', 'away']
/** After so long without word of it, a link between others is no longer drawn. Units: ms. */
const farKept = 8_000

/** The look of a peer's state. */
export function lookOf(state: string): LinkLook {
  if (state === 'routed' || state === 'relayed') return 'open'
  return looks.includes(state) ? (state as LinkLook) : 'linking'
}

/** Names a pair of people whichever way round it is told. */
export function pair(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}

let hurried = 0
/** While this returns more callers than none, the figures are read four times a second. */
export function hurry(): () => void {
  hurried += 1
  wake()
  let ended = false
  return () => {
    if (!ended) hurried -= 1
    ended = true
  }
}

let wake: () => void = () => undefined

/** Reads the figures while the page is visible, and tells the others how our links look. */
export function watch(room: DemoRoomHandle): () => void {
  const gossip = room.channel<Record<string, string>>('links', { reliable: false })
  server.value = 'connected'
  const told = new Map<string, { at: number, links: Record<string, string> }>()
  gossip.subscribe((list, peer) => {
    if (typeof list === 'object' && list !== null) told.set(peer.id, { at: Date.now(), links: list })
  })
  let timer: ReturnType<typeof setTimeout> | undefined
  let reading = false
  let ended = false
  let gossipAt = 0
  let before = { at: 0, figures: new Map<string, Figures>() }

  const read = async () => {
    clearTimeout(timer)
    if (ended || reading || document.visibilityState !== 'visible') return
    reading = true
    try {
      const report = await room.diagnose()
      if (ended) return
      const at = performance.now()
      const seconds = Math.max(0.2, (at - before.at) / 1000)
      const figures = new Map<string, Figures>()
      const next = new Map<string, LinkView>()
      for (const peer of report.peers) {
        const view = viewOf(peer)
        const last = before.figures.get(peer.peer)
        if (peer.path === undefined && last !== undefined && last.epoch === peer.epoch) {
          // The browser did not answer in time. The link's own counters leave the media out, so
          // the figures stay as they were.
          Object.assign(view, { ...links.peek().get(peer.peer), state: view.state, report: peer })
        } else if (last !== undefined) {
          view.sentRate = Math.max(0, view.sentBytes - last.sent) / seconds
          view.receivedRate = Math.max(0, view.receivedBytes - last.received) / seconds
        }
        figures.set(peer.peer, { sent: view.sentBytes, received: view.receivedBytes, epoch: peer.epoch })
        next.set(peer.peer, view)
      }
      before = { at, figures }
      links.value = next
      server.value = report.server
      if (at - gossipAt > 1_900) {
        gossipAt = at
        gossip.send(Object.fromEntries([...next].map(([id, view]) => [id, view.state])))
      }
      farLinks.value = gathered(told, room)
    } catch {
      // The room closed between the question and the answer; whoever closed it has said so.
    } finally {
      reading = false
      if (!ended) timer = setTimeout(read, hurried > 0 ? 250 : 1_000)
    }
  }
  wake = () => void read()
  document.addEventListener('visibilitychange', wake)
  void read()
  return () => {
    ended = true
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', wake)
    links.value = new Map()
    farLinks.value = new Map()
  }
}

/** Bytes at the last reading, and of which connection. */
interface Figures { sent: number, received: number, epoch: number }

function viewOf(peer: PeerReport): LinkView {
  return {
    peer: peer.peer,
    state: lookOf(peer.state),
    // The browser measures all the time, heartbeats only when nothing else was said.
    roundTripMs: peer.path?.roundTripMs ?? peer.roundTripMs ?? null,
    sentRate: 0,
    receivedRate: 0,
    // The transport counts media too, the link only its own frames. A rebuilt connection begins
    // at nothing again, so the larger of the two is shown.
    sentBytes: Math.max(peer.path?.sentBytes ?? 0, peer.sentBytes),
    receivedBytes: Math.max(peer.path?.receivedBytes ?? 0, peer.receivedBytes),
    queuedBytes: peer.queuedBytes,
    report: peer,
  }
}

function gathered(told: Map<string, { at: number, links: Record<string, string> }>, room: DemoRoomHandle): Map<string, LinkLook> {
  const next = new Map<string, LinkLook>()
  for (const [from, { at, links: list }] of told) {
    if (!room.peers.has(from) || Date.now() - at > farKept) {
      told.delete(from)
      continue
    }
    for (const [to, state] of Object.entries(list).slice(0, 64)) {
      if (to === room.selfId || !room.peers.has(to) || !looks.includes(state)) continue
      const name = pair(from, to)
      // Two ends may see one link differently for a moment: the worse look is the truer one.
      if (next.get(name) === undefined || next.get(name) === 'open') next.set(name, state as LinkLook)
    }
  }
  return next
}

/** An open link's figures in short, for its label. */
export function label(view: LinkView): { trip: string, rate: string } {
  return {
    trip: view.roundTripMs === null ? 'open' : delay(view.roundTripMs),
    rate: `${bytes(view.sentRate + view.receivedRate)}/s`,
  }
}

/** What is going on, in one sentence about the peer. */
export function sentenceOf(view: LinkView, name: string): string {
  switch (view.state) {
    case 'open': return `The link to ${name} is open, verified both ways.`
    case 'linking': return `Linking to ${name}. What you send waits for the link.`
    case 'recovering': return `Nothing heard from ${name} for ${duration(view.report.silentMs)}. The link is being healed; what you send waits.`
    case 'away': return `${name}'s page is asleep. What you send waits up to five minutes.`
  }
}

/** The rows of the full report. */
export function rowsOf(view: LinkView): [string, string][] {
  const { report } = view
  const rows: [string, string][] = []
  const path = pathOf(report)
  if (path !== null) rows.push(['Path', path])
  if (view.roundTripMs !== null) rows.push(['Round trip', delay(view.roundTripMs)])
  rows.push(['Sent', `${bytes(view.sentBytes)}, ${counted(report.deliveredCount, 'message')} delivered`])
  rows.push(['Received', `${bytes(view.receivedBytes)}, ${counted(report.receivedCount, 'message')}`])
  if (view.queuedBytes > 0) rows.push(['Waiting', `${bytes(view.queuedBytes)} not acknowledged yet`])
  rows.push(['Healed', healed(report.restartCount, report.rebuildCount)])
  if (report.localCandidates.length + report.remoteCandidates.length > 0) {
    rows.push(['Candidates', `ours ${listed(report.localCandidates)}; theirs ${listed(report.remoteCandidates)}`])
  }
  for (const { url, detail } of report.gatheringFailures) rows.push(['No answer', `${url}: ${detail}`])
  if (report.lastFailure !== undefined) rows.push(['Last failure', report.lastFailure])
  return rows
}

/** How long the link was in each state, in the order of the protocol. */
export function historyOf(view: LinkView): { state: LinkState, look: LinkLook, ms: number }[] {
  return linkStates
    .map(([state, look]) => ({ state, look, ms: view.report.spentMs[state] ?? 0 }))
    .filter(entry => entry.ms > 0)
}

const linkStates: readonly [LinkState, LinkLook][] = [
  ['new', 'linking'], ['signalling', 'linking'], ['connecting', 'linking'], ['awaiting-hello', 'linking'],
  ['open', 'open'], ['suspect', 'recovering'], ['restarting', 'recovering'], ['rebuilding', 'recovering'],
  ['closed', 'away'],
]

const kinds: Record<string, string> = {
  host: 'local address', srflx: 'address seen by STUN', prflx: 'address seen by the peer', relay: 'relay',
}

function pathOf({ path }: PeerReport): string | null {
  if (path?.localCandidate === undefined || path.remoteCandidate === undefined) return null
  const [ours, theirs] = [path.localCandidate, path.remoteCandidate].map(kind => kinds[kind] ?? kind)
  const over = path.protocol === undefined ? '' : `, ${path.protocol.toUpperCase()}`
  if (ours === theirs) return `${ours} at both ends${over}`
  return `${ours} here, ${theirs} there${over}`
}

function healed(restarts: number, rebuilds: number): string {
  if (restarts + rebuilds === 0) return 'never needed'
  const parts = [restarts > 0 && counted(restarts, 'ICE restart'), rebuilds > 0 && counted(rebuilds, 'new connection')]
  return parts.filter(Boolean).join(', ')
}

function listed(list: readonly string[]): string {
  return list.length === 0 ? 'none' : list.join(', ')
}
