import { farLinks, label, links, lookOf, pair, type LinkLook, type LinkView } from '../links'
import { colour, type Person } from '../people'
import { inSight, middle, strands, type Place } from '../ring'
import { panel } from './Panel'

interface ThreadsProps {
  people: readonly Person[]
  places: ReadonlyMap<string, Place>
  size: { width: number, height: number }
  tileWidth: number
}

/** The links: ours with their figures, those between others as they tell us. */
export function Threads({ people, places, size, tileWidth }: ThreadsProps) {
  const mine = people.find(person => person.isMe)
  if (mine === undefined) return null
  const others = people.filter(person => !person.isMe)
  return (
    <>
      <svg class="threads" width={size.width} height={size.height} aria-hidden="true">
        {others.flatMap((a, index) => others.slice(index + 1).map(b => {
          const look = farLinks.value.get(pair(a.id, b.id))
          return look !== undefined && <Thread key={pair(a.id, b.id)} from={places.get(a.id)} to={places.get(b.id)} look={look} near={false} />
        }))}
        {others.map(person => {
          const view = links.value.get(person.id)
          const [from, to] = [places.get(mine.id), places.get(person.id)]
          const look = lookOf(person.state)
          return (
            <g key={person.id}>
              <Thread from={from} to={to} look={look} near />
              {look === 'open' && view !== undefined && (
                <>
                  <Beads from={from} to={to} tileWidth={tileWidth} rate={view.sentRate} hue={mine.hue} />
                  <Beads from={to} to={from} tileWidth={tileWidth} rate={view.receivedRate} hue={person.hue} />
                </>
              )}
            </g>
          )
        })}
      </svg>
      {others.map(person => <Label key={person.id} person={person} view={links.value.get(person.id)} from={places.get(mine.id)} to={places.get(person.id)} tileWidth={tileWidth} />)}
      <Legend shown={new Set([...others.map(person => lookOf(person.state)), ...farLinks.value.values()])} />
    </>
  )
}

interface Ends { from: Place | undefined, to: Place | undefined }

function Thread({ from, to, look, near }: Ends & { look: LinkLook, near: boolean }) {
  if (from === undefined || to === undefined) return null
  return (
    <g class={`thread is-${look} ${near ? 'near' : 'far'}`}>
      {strands(from, to, look, near).map((path, index) => <path key={index} d={path} />)}
    </g>
  )
}

/** Above so many bytes per second a bead runs along the thread: 2 KB/s is more than an idle link with a cursor. */
const beadRates = [2_000, 60_000, 1_000_000]

/** Beads that run as bytes do: more of them, and faster, where more flows. */
function Beads({ from, to, tileWidth, rate, hue }: Ends & { tileWidth: number, rate: number, hue: number }) {
  const count = beadRates.filter(least => rate >= least).length
  if (from === undefined || to === undefined || count === 0) return null
  const seconds = [2.4, 1.6, 0.9][count - 1] ?? 2.4
  const [start, end] = inSight(from, to, tileWidth)
  const path = `M${start.x} ${start.y}L${end.x} ${end.y}`
  return (
    <g class="beads" style={{ '--person': colour(hue) }}>
      {Array.from({ length: count }, (_, index) => (
        <circle key={`${index} ${count} ${path}`} r="3.5">
          <animateMotion {...along(path)} dur={`${seconds}s`} begin={`${-index * seconds / count}s`} repeatCount="indefinite" />
        </circle>
      ))}
    </g>
  )
}

/** Preact's types do not know the attribute; browsers do. */
function along(path: string): object {
  return { path }
}

function Label({ person, view, from, to, tileWidth }: Ends & { person: Person, view: LinkView | undefined, tileWidth: number }) {
  if (from === undefined || to === undefined) return null
  const look = lookOf(person.state)
  const { x, y } = middle(from, to, look, tileWidth)
  const { trip, rate } = look === 'open' && view !== undefined ? label(view) : { trip: look, rate: '' }
  return (
    <button
      type="button"
      class={`thread-label is-${look}`}
      style={{ left: `${x}px`, top: `${y}px` }}
      aria-label={`Link to ${person.name}: ${look}${look === 'open' ? `, ${trip} ${rate}` : ''}. Show the report`}
      aria-haspopup="dialog"
      onClick={() => { panel.value = { name: 'report', peer: person.id } }}
    >
      <span>{trip}</span>
      {rate !== '' && <span class="rate">{rate}</span>}
    </button>
  )
}

const legend: readonly [LinkLook, string][] = [
  ['open', 'open'], ['linking', 'linking'], ['recovering', 'recovering'], ['away', 'away'],
]

/** Names the looks that are on the stage now, and no others. */
function Legend({ shown }: { shown: ReadonlySet<LinkLook> }) {
  return (
    <ul class="legend" aria-hidden="true">
      {legend.filter(([look]) => shown.has(look)).map(([look, words]) => (
        <li key={look}>
          <svg width="40" height="14"><g class={`thread is-${look} near`}>{strands({ x: 2, y: 6 }, { x: 38, y: 6 }, look, true).map((path, index) => <path key={index} d={path} />)}</g></svg>
          {words}
        </li>
      ))}
    </ul>
  )
}
