import { useSignal } from '@preact/signals'

import { people as counted } from '../format'
import { copy } from '../invite'
import { server } from '../links'
import { peers } from '../people'
import { leave, status, trouble, type DemoRoomHandle } from '../session'
import { Icon, Mark } from './icons'
import { panel } from './Panel'
import { Views } from './Views'

/** The top of the page: where we stand, and the way in and out. */
export function Bar({ room }: { room: DemoRoomHandle }) {
  const copied = useSignal(false)
  const copyAddress = async () => {
    copied.value = await copy(room.address)
    setTimeout(() => { copied.value = false }, 2_000)
  }
  const { look, words } = standing()
  return (
    <header class="bar">
      <p class="wordmark"><Mark /><span>meshlace</span></p>
      <Views />
      <p class={`standing is-${look}`} role="status"><span class="dot" />{words}</p>
      <div class="bar-actions">
        <button type="button" class="button quiet" onClick={() => void copyAddress()}>
          <Icon name={copied.value ? 'check' : 'copy'} />
          <span class="label" aria-live="polite">{copied.value ? 'Copied' : 'Copy address'}</span>
        </button>
        <button type="button" class="button" aria-haspopup="dialog" onClick={() => { panel.value = { name: 'invite' } }}>
          <Icon name="invite" /><span class="label">Invite</span>
        </button>
        <button type="button" class="button quiet icon-only" aria-label="Leave the room" title="Leave the room" onClick={() => void leave()}>
          <Icon name="leave" />
        </button>
      </div>
      {trouble.value !== null && (
        <p class="trouble" role="alert">
          <Icon name="warning" />{trouble.value}
          <button type="button" class="button quiet icon-only" aria-label="Dismiss" onClick={() => { trouble.value = null }}><Icon name="close" /></button>
        </p>
      )}
    </header>
  )
}

/** Where the room stands, in one line. */
function standing(): { look: string, words: string } {
  const count = peers.value.length
  const open = peers.value.filter(person => person.state === 'open').length
  const lost = server.value !== 'connected'
  switch (status.value) {
    case 'closed': return { look: 'away', words: 'The room is closed' }
    case 'offline': return { look: 'recovering', words: 'Offline: nobody can be reached. Trying again' }
    case 'alone':
      return lost
        ? { look: 'recovering', words: 'The server is lost: nobody can come in. Trying again' }
        : { look: 'linking', words: 'Only you are here' }
    case 'linking': return { look: 'linking', words: `Linking to ${counted(count)}` }
    case 'connected': {
      const linked = open === count ? `Linked with ${counted(count)}` : `Linked with ${open} of ${count}`
      if (!lost) return { look: open === count ? 'open' : 'linking', words: linked }
      return { look: 'recovering', words: `${linked}. The server is lost: newcomers must wait` }
    }
  }
}
