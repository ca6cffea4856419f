import { camera, streams } from '../media'
import { colour, initials, type Person } from '../people'
import type { Place } from '../ring'
import { Icon } from './icons'
import { panel } from './Panel'
import { Video } from './Video'

interface TileProps {
  person: Person
  place: Place
  width: number
  alone: boolean
}

/** A person: their picture where they show one, else their initials, and always their name. */
export function Tile({ person, place, width, alone }: TileProps) {
  const own = camera.value.name === 'on' ? camera.value : null
  const stream = person.isMe ? own?.stream : streams.value.get(person.id)
  const shows = stream !== undefined && person.camera
  const position = alone ? undefined : { transform: `translate(${place.x}px, ${place.y}px) translate(-50%, -50%)` }
  const openPanel = () => {
    panel.value = person.isMe ? { name: 'me' } : { name: 'report', peer: person.id }
  }
  return (
    <li class={`tile is-${person.state} ${shows ? 'has-video' : ''} ${person.isMe ? 'is-me' : ''}`} style={{ ...position, '--person': colour(person.hue), ...(alone ? {} : { '--tile': `${width}px` }) }}>
      {/* The stream plays also where its picture is muted: it carries the voice. */}
      <div class="tile-face">
        {stream !== undefined && <Video stream={stream} muted={person.isMe} mirrored={person.isMe} />}
        {!shows && <span class="initials" aria-hidden="true">{initials(person.name)}</span>}
        {person.state !== 'open' && <span class="tile-state">{person.state}</span>}
      </div>
      <button type="button" class="tile-name" onClick={openPanel} aria-haspopup="dialog" title={person.isMe ? 'Change your name and colour' : 'Show the link'}>
        <span class="tile-name-text">{person.name}</span>
        {person.isMe && <span class="you">you</span>}
        {person.isMe && <Icon name="pen" />}
        {stream !== undefined && !person.microphone && <span class="muted" role="img" aria-label="microphone off"><Icon name="microphoneOff" /></span>}
      </button>
    </li>
  )
}
