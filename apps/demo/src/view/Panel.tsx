import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'

import type { DemoRoomHandle } from '../session'
import { Icon } from './icons'
import { InvitePanel } from './InvitePanel'
import { MePanel } from './MePanel'
import { ReportPanel } from './ReportPanel'

export type PanelState = { name: 'invite' } | { name: 'me' } | { name: 'report', peer: string }

/** The one panel that may lie over the room. */
export const panel = signal<PanelState | null>(null)

const titles = { invite: 'Invite', me: 'You', report: 'Link' }

export function Panel({ room }: { room: DemoRoomHandle }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const now = panel.value
  useEffect(() => {
    if (now !== null && dialog.current?.open === false) dialog.current.showModal()
  }, [now])
  if (now === null) return null
  const close = () => { panel.value = null }
  return (
    <dialog
      ref={dialog}
      class={`panel panel-${now.name}`}
      aria-label={titles[now.name]}
      onClose={close}
      // The dialog's own box is its content: a click that hits the dialog itself is on the backdrop.
      onClick={event => { if (event.target === dialog.current) close() }}
    >
      <div class="panel-body">
        <button type="button" class="button quiet icon-only panel-close" aria-label="Close" onClick={close}><Icon name="close" /></button>
        {now.name === 'invite' && <InvitePanel room={room} />}
        {now.name === 'me' && <MePanel room={room} onDone={close} />}
        {now.name === 'report' && <ReportPanel peer={now.peer} />}
      </div>
    </dialog>
  )
}
