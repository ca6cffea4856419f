import { useSignal } from '@preact/signals'
import { encode } from 'uqr'

import { copy, invite } from '../invite'
import type { DemoRoomHandle } from '../session'
import { Icon } from './icons'

export function InvitePanel({ room }: { room: DemoRoomHandle }) {
  return (
    <>
      <h2>Invite</h2>
      <Invitation room={room} />
    </>
  )
}

/** The room's address, as text and as a picture for a phone's camera. */
export function Invitation({ room }: { room: DemoRoomHandle }) {
  const { address, reach, camera } = invite.value ?? { address: room.address, reach: 'anyone', camera: true }
  const copied = useSignal(false)
  const field = (event: Event) => (event.currentTarget as HTMLInputElement).select()
  const copyAddress = async () => {
    copied.value = await copy(address)
    setTimeout(() => { copied.value = false }, 2_000)
  }
  return (
    <div class="invitation">
      <Code text={address} />
      <div class="invitation-text">
        <p>{reaches[reach]}{reach === 'device' && <> Serve with <code>--host&nbsp;0.0.0.0</code> to let others in.</>}</p>
        {!camera && reach !== 'device' && <p class="aside">A phone joins, chats and points over HTTP. Its camera needs HTTPS: serve with <code>--tls-cert</code> and <code>--tls-key</code>.</p>}
      </div>
      <div class="address">
        <input type="text" readOnly value={address} aria-label="Room address" onFocus={field} />
        <button type="button" class="button primary" onClick={() => void copyAddress()}>
          <Icon name={copied.value ? 'check' : 'copy'} /><span aria-live="polite">{copied.value ? 'Copied' : 'Copy'}</span>
        </button>
      </div>
    </div>
  )
}

const reaches = {
  anyone: 'Whoever has this address can come in. A phone can scan it.',
  network: 'For everyone in your network: a phone can scan it. On this device, the address in the address bar does.',
  device: 'Opens on this device only.',
}

/** A QR code in two colours of its own: scanners want dark on light, whatever the theme. */
function Code({ text }: { text: string }) {
  const { data, size } = encode(text, { ecc: 'L', border: 2 })
  let path = ''
  data.forEach((row, y) => row.forEach((dark, x) => { if (dark) path += `M${x} ${y}h1v1h-1z` }))
  return (
    <svg class="code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label="The room address as a QR code" shape-rendering="crispEdges">
      <path d={path} />
    </svg>
  )
}
