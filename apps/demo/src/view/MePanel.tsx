import { useState } from 'preact/hooks'

import { showSelf } from '../board'
import { colour, hues, me, present } from '../people'
import type { DemoRoomHandle } from '../session'

/** Our own name and colour. */
export function MePanel({ room, onDone }: { room: DemoRoomHandle, onDone: () => void }) {
  const [name, setName] = useState(me.value.name)
  const save = (event: Event) => {
    event.preventDefault()
    const trimmed = name.trim()
    if (trimmed !== '') present(room, { name: trimmed })
    showSelf()
    onDone()
  }
  return (
    <form class="me" onSubmit={save}>
      <h2>You</h2>
      <label>
        Name
        <input type="text" value={name} maxLength={32} autofocus autocomplete="nickname" onInput={event => setName(event.currentTarget.value)} onFocus={event => event.currentTarget.select()} />
      </label>
      <fieldset class="hues">
        <legend>Colour</legend>
        {hues.map(hue => (
          <label key={hue}>
            <input type="radio" name="hue" checked={me.value.hue === hue} onChange={() => present(room, { hue })} aria-label={`Hue ${hue}`} />
            <span style={{ background: colour(hue) }} />
          </label>
        ))}
      </fieldset>
      <button type="submit" class="button primary">Done</button>
    </form>
  )
}
