import { useEffect, useState } from 'preact/hooks'

import { openNewRoom, type Phase } from '../session'
import { Mark } from './icons'

/** What stands before the room: a wait, a failure, or the end. */
export function Gate({ phase, onRetry }: { phase: Exclude<Phase, { name: 'here' }>, onRetry: () => Promise<void> }) {
  return (
    <main class="gate">
      <p class="wordmark"><Mark />meshlace</p>
      <div class="gate-body" role={phase.name === 'opening' ? 'status' : 'alert'}>
        {phase.name === 'opening' && <Opening what={phase.what} />}
        {phase.name === 'failed' && <Told {...phase.failure} retryLabel="Try again" onRetry={onRetry} />}
        {phase.name === 'over' && (phase.failure === null
          ? <Told title="You have left the room" next="Its address is still in the address bar." code={null} retry retryLabel="Join again" onRetry={onRetry} />
          : <Told {...phase.failure} retryLabel="Join again" onRetry={onRetry} />)}
      </div>
    </main>
  )
}

function Opening({ what }: { what: 'create' | 'join' }) {
  const [slow, setSlow] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), 3_000)
    return () => clearTimeout(timer)
  }, [])
  return (
    <>
      <Lace />
      <h1>{what === 'create' ? 'Opening a new room' : 'Joining the room'}</h1>
      <p>{slow ? 'The server has not answered yet. This gives up after ten seconds.' : 'Asking the server who is there.'}</p>
    </>
  )
}

interface ToldProps {
  title: string
  next: string
  code: string | null
  retry: boolean
  retryLabel: string
  onRetry: () => Promise<void>
}

function Told({ title, next, code, retry, retryLabel, onRetry }: ToldProps) {
  return (
    <>
      <h1>{title}</h1>
      <p>{next}</p>
      <p class="gate-actions">
        {retry && <button type="button" class="button primary" onClick={() => void onRetry()}>{retryLabel}</button>}
        <button type="button" class={retry ? 'button' : 'button primary'} onClick={openNewRoom}>Open a new room</button>
      </p>
      {code !== null && <p class="gate-code">{code}</p>}
    </>
  )
}

/** A thread being laid, for waits. */
function Lace() {
  return (
    <svg class="lace" viewBox="0 0 160 40" fill="none" aria-hidden="true">
      <path class="lace-a" pathLength={100} d="M4 20c19 0 19-14 38-14s19 28 38 28 19-28 38-28 19 14 38 14" />
      <path class="lace-b" pathLength={100} d="M4 20c19 0 19 14 38 14S61 6 80 6s19 28 38 28 19-14 38-14" />
    </svg>
  )
}
