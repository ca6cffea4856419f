// Where people stand and how threads run between them. Pure geometry.

import type { LinkLook } from './links'

export interface Place { x: number, y: number }

/** The ellipse on which people stand. */
export interface Ring {
  centre: Place
  radiusX: number
  radiusY: number
  /** Of a tile with a picture, 4:3. */
  tileWidth: number
}

/** Fits a ring of so many people into a stage. Units: CSS pixels. */
export function fitRing(count: number, width: number, height: number, dockHeight: number): Ring {
  const usable = Math.max(120, height - dockHeight)
  const margin = width < 600 ? 10 : 28
  let ring = ringFor(tileWidthMin, width, usable, margin)
  // The largest tiles that keep clear of one another: a handful of steps over at most a few people.
  for (let tileWidth = tileWidthMax; tileWidth > tileWidthMin; tileWidth -= 6) {
    const tried = ringFor(tileWidth, width, usable, margin)
    if (hasRoom(tried, count, width)) {
      ring = tried
      break
    }
  }
  return ring
}

/** Where the person of that index stands. */
export function placeOf(ring: Ring, index: number, count: number): Place {
  if (count === 1) return ring.centre
  const corners = Array.from({ length: count }, (_, other) => corner(other, count))
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)]
  const { x, y } = corner(index, count)
  return fromRing(ring, { x: spread(x, xs), y: spread(y, ys) })
}

/** A corner of the polygon of so many sides. Odd ones stand on a side, even ones too. */
function corner(index: number, count: number): Place {
  const first = count % 2 === 1 ? -90 : -90 - 180 / count
  const angle = (first + index * 360 / count) * Math.PI / 180
  const [x, y] = [Math.cos(angle), Math.sin(angle)]
  // Drawn towards the corners, which a stage has and an ellipse leaves empty.
  const square = Math.max(Math.abs(x), Math.abs(y)) ** 0.5
  return { x: x / square, y: y / square }
}

/** Stretches what lies between the least and the most to -1..1: a triangle fills its box too. */
function spread(value: number, all: readonly number[]): number {
  const [least, most] = [Math.min(...all), Math.max(...all)]
  return most - least < 1e-9 ? 0 : (value - least) / (most - least) * 2 - 1
}

/** The box of a person's tile: the picture, three quarters as high as wide, and the name below. */
function tileHeight(tileWidth: number): number {
  return tileWidth * 3 / 4 + nameHeight
}

const tileWidthMin = 60
const tileWidthMax = 400
const nameHeight = 32

function ringFor(tileWidth: number, width: number, usable: number, margin: number): Ring {
  const reachX = (width - tileWidth) / 2 - margin
  const reachY = (usable - tileHeight(tileWidth)) / 2 - margin / 2
  return {
    centre: { x: width / 2, y: usable / 2 + 4 },
    // On a very wide stage a ring as wide as it would tear people apart.
    radiusX: Math.max(20, Math.min(reachX, usable * 0.9 + tileWidth / 2)),
    radiusY: Math.max(20, reachY),
    tileWidth,
  }
}

/** Whether tiles keep clear of one another, with room for the threads between them. */
function hasRoom(ring: Ring, count: number, width: number): boolean {
  // A few leave room for a thread's label between two tiles; among many it lies over their edges.
  const gap = count <= 4 ? Math.max(104, width * 0.1) : Math.max(8, width * 0.02)
  const [wide, high] = [ring.tileWidth + gap, tileHeight(ring.tileWidth) + gap / 2]
  const places = Array.from({ length: count }, (_, index) => placeOf(ring, index, count))
  return places.every((a, index) => places.slice(index + 1).every(b => Math.abs(a.x - b.x) >= wide || Math.abs(a.y - b.y) >= high))
}

/** A place in units of the ring, the same on every screen. */
export function toRing(ring: Ring, place: Place): Place {
  return { x: (place.x - ring.centre.x) / ring.radiusX, y: (place.y - ring.centre.y) / ring.radiusY }
}

/** And back. */
export function fromRing(ring: Ring, place: Place): Place {
  return { x: ring.centre.x + place.x * ring.radiusX, y: ring.centre.y + place.y * ring.radiusY }
}

/** The middle of the picture of who stands at a place: the name hangs below it. */
export function faceAt({ x, y }: Place): Place {
  return { x, y: y - nameHeight / 2 }
}

/** The strands of a thread. An open link is two strands twisted taut; one that recovers hangs slack. */
export function strands(a: Place, b: Place, look: LinkLook, near: boolean): string[] {
  switch (look) {
    case 'open': return [twist(a, b, near ? 4.5 : 2.6, 1), twist(a, b, near ? 4.5 : 2.6, -1)]
    case 'recovering': return [slack(a, b)]
    case 'linking':
    case 'away': return [`M${at(a)}L${at(b)}`]
  }
}

/** Half way along what is seen of a thread, where its label sits. */
export function middle(a: Place, b: Place, look: LinkLook, tileWidth: number): Place {
  const sag = look === 'recovering' ? sagOf(a, b) / 2 : 0
  const [start, end] = inSight(a, b, tileWidth)
  return { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 + sag }
}

/** What two tiles leave in sight of the thread between their faces: it runs behind the name of the upper one. */
export function inSight(a: Place, b: Place, tileWidth: number): [Place, Place] {
  const [dx, dy] = [b.x - a.x, b.y - a.y]
  const cut = (isUpper: boolean) => {
    const reach = tileHeight(tileWidth) / 2 + (isUpper ? nameHeight : -nameHeight) / 2
    return Math.min(tileWidth / 2 / Math.abs(dx || 1e-9), reach / Math.abs(dy || 1e-9), 0.4)
  }
  const [first, last] = [cut(dy > 0), cut(dy < 0)]
  return [{ x: a.x + dx * first, y: a.y + dy * first }, { x: b.x - dx * last, y: b.y - dy * last }]
}

function twist(a: Place, b: Place, swing: number, side: 1 | -1): string {
  const [dx, dy] = [b.x - a.x, b.y - a.y]
  const length = Math.hypot(dx, dy)
  if (length < 1) return ''
  const turns = Math.max(2, Math.round(length / 24))
  // Neighbouring arcs bend to opposite sides, so they meet in one direction and the curve is smooth.
  const [nx, ny] = [-dy / length * swing * 2, dx / length * swing * 2]
  let path = `M${at(a)}`
  for (let turn = 0; turn < turns; turn += 1) {
    const bend = turn % 2 === 0 ? side : -side
    const half = (turn + 0.5) / turns
    const end = (turn + 1) / turns
    path += `Q${at({ x: a.x + dx * half + nx * bend, y: a.y + dy * half + ny * bend })} ${at({ x: a.x + dx * end, y: a.y + dy * end })}`
  }
  return path
}

function slack(a: Place, b: Place): string {
  const control = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 + sagOf(a, b) }
  return `M${at(a)}Q${at(control)} ${at(b)}`
}

function sagOf(a: Place, b: Place): number {
  return Math.min(140, Math.hypot(b.x - a.x, b.y - a.y) * 0.28)
}

function at({ x, y }: Place): string {
  return `${x.toFixed(1)} ${y.toFixed(1)}`
}
