import { useLayoutEffect, useRef, useState } from 'preact/hooks'

import { cursors, pointAt } from '../cursors'
import { everyone, colour, type Person } from '../people'
import { faceAt, fitRing, fromRing, placeOf, toRing, type Place, type Ring } from '../ring'
import type { DemoRoomHandle } from '../session'
import { Dock } from './Dock'
import { Invitation } from './InvitePanel'
import { Threads } from './Threads'
import { Tile } from './Tile'
import { view } from './Views'

/** Room at the foot of the stage for the camera's buttons. Units: CSS pixels. */
const dockHeight = 76

/** The mesh: people on a ring, threads between them, everybody's cursor above. */
export function Stage({ room }: { room: DemoRoomHandle }) {
  const stage = useRef<HTMLElement>(null)
  const [size, setSize] = useState({ width: 0, height: 0 })
  useLayoutEffect(() => {
    const element = stage.current
    if (element === null) return
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight })
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    measure()
    return () => observer.disconnect()
  }, [])

  const list = everyone.value
  const alone = list.length <= 1
  const ring = fitRing(list.length, size.width, size.height, dockHeight)
  const places = new Map(list.map((person, index) => [person.id, placeOf(ring, index, list.length)]))
  const faces = new Map([...places].map(([id, place]) => [id, faceAt(place)]))

  const point = (event: PointerEvent) => {
    const box = stage.current?.getBoundingClientRect()
    if (box !== undefined) pointAt(toRing(ring, { x: event.clientX - box.left, y: event.clientY - box.top }))
  }
  // A finger that lifts points nowhere; a mouse button that lifts still does.
  const lift = (event: PointerEvent) => { if (event.pointerType !== 'mouse') pointAt(null) }

  return (
    <main ref={stage} inert={view.value !== 'mesh'} class={`stage ${alone ? 'is-alone' : ''} ${list.length > 5 ? 'is-crowded' : ''}`} onPointerMove={point} onPointerUp={lift} onPointerLeave={() => pointAt(null)}>
      <div class="floor">
        {size.width > 0 && !alone && <Threads people={list} places={faces} size={size} tileWidth={ring.tileWidth} />}
        {size.width > 0 && (
          <ul class="people" aria-label="People here">
            {list.map(person => <Tile key={person.id} person={person} place={places.get(person.id) ?? ring.centre} width={ring.tileWidth} alone={alone} />)}
          </ul>
        )}
        {alone && (
          <section class="alone">
            <h1>Nobody else is here yet</h1>
            <Invitation room={room} />
          </section>
        )}
      </div>
      <Cursors list={list} ring={ring} />
      <Dock />
    </main>
  )
}

function Cursors({ list, ring }: { list: Person[], ring: Ring }) {
  return (
    <div class="cursors" aria-hidden="true">
      {[...cursors.value].map(([id, point]) => {
        const who = list.find(person => person.id === id)
        if (who === undefined) return null
        return <Cursor key={id} who={who} place={fromRing(ring, point)} />
      })}
    </div>
  )
}

function Cursor({ who, place }: { who: Person, place: Place }) {
  return (
    <div class="cursor" style={{ transform: `translate(${place.x}px, ${place.y}px)`, '--person': colour(who.hue) }}>
      <svg viewBox="0 0 16 16" width="18" height="18"><path d="M1.5 1.5 14 6.8 8.3 8.5 6.3 14z" /></svg>
      <span>{who.name}</span>
    </div>
  )
}
