// Where everybody points. Places are told in units of the ring on which people stand, so that a
// cursor on a person is on that person on every screen.

import { signal } from '@preact/signals'

import type { DemoRoomHandle } from './session'

export interface Point { x: number, y: number }

export const cursors = signal<ReadonlyMap<string, Point>>(new Map())

/** At most so many cursor positions are sent per second. */
const perSecond = 25
/** A cursor that rests so long is hidden. Units: ms. */
const restMax = 10_000
/** Beyond this many radii a place is off every screen. */
const reach = 4

let send: (point: Point | null) => void = () => undefined

/** Tells the others where we point; `null` when we do not. */
export function pointAt(point: Point | null): void {
  send(point)
}

/** Follows the others' cursors. */
export function share(room: DemoRoomHandle): void {
  const channel = room.channel<Point | null>('cursor', { reliable: false })
  const resting = new Map<string, ReturnType<typeof setTimeout>>()
  const place = (id: string, point: Point | null) => {
    const next = new Map(cursors.value)
    if (point === null) next.delete(id)
    else next.set(id, point)
    cursors.value = next
  }
  channel.subscribe((point, peer) => {
    clearTimeout(resting.get(peer.id))
    if (!isPoint(point)) return place(peer.id, null)
    place(peer.id, point)
    resting.set(peer.id, setTimeout(() => place(peer.id, null), restMax))
  })
  room.on('peerleave', peer => place(peer.id, null))

  let waiting: Point | null | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const flush = () => {
    timer = undefined
    if (waiting === undefined) return
    channel.send(waiting)
    waiting = undefined
    timer = setTimeout(flush, 1000 / perSecond)
  }
  send = point => {
    waiting = point === null ? null : { x: round(point.x), y: round(point.y) }
    if (timer === undefined) flush()
  }
}

const round = (value: number) => Math.round(value * 1e4) / 1e4

function isPoint(point: unknown): point is Point {
  if (typeof point !== 'object' || point === null) return false
  const { x, y } = point as Point
  return Math.abs(x) <= reach && Math.abs(y) <= reach
}
