import { useEffect, useState } from 'preact/hooks'

import { share } from '../chat'
import { phase } from '../session'
import { Bar } from './Bar'
import { Board } from './Board'
import { Chat } from './Chat'
import { Gate } from './Gate'
import { History } from './History'
import { Panel } from './Panel'
import { Stage } from './Stage'
import { view } from './Views'

/** The whole page: a gate until the room is open, then the stage, the board or the history beside the chat. */
export function App({ onRetry }: { onRetry: () => Promise<void> }) {
  const now = phase.value
  if (now.name !== 'here') return <Gate phase={now} onRetry={onRetry} />
  return (
    <DropZone>
      <div class={`room shows-${view.value}`}>
        <Bar room={now.room} />
        {/* Stays where it is behind the other views: its players carry the voices. */}
        <Stage room={now.room} />
        {view.value === 'board' && <Board />}
        {view.value === 'history' && <History room={now.room} />}
        <Chat room={now.room} />
        <Panel room={now.room} />
      </div>
    </DropZone>
  )
}

/** Takes files dropped or pasted anywhere on the page. */
function DropZone({ children }: { children: preact.ComponentChildren }) {
  const [over, setOver] = useState(false)
  useEffect(() => {
    // A drag that enters a child leaves its parent first, so the depth is counted.
    let depth = 0
    const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false
    const enter = (event: DragEvent) => {
      if (!carriesFiles(event)) return
      event.preventDefault()
      depth += 1
      setOver(true)
    }
    const leave = () => {
      depth = Math.max(0, depth - 1)
      if (depth === 0) setOver(false)
    }
    const hover = (event: DragEvent) => {
      if (carriesFiles(event)) event.preventDefault()
    }
    const drop = (event: DragEvent) => {
      if (!carriesFiles(event)) return
      event.preventDefault()
      depth = 0
      setOver(false)
      share(event.dataTransfer?.files ?? [])
    }
    const paste = (event: ClipboardEvent) => {
      const files = event.clipboardData?.files
      if (files === undefined || files.length === 0) return
      event.preventDefault()
      share(files)
    }
    const controller = new AbortController()
    const { signal } = controller
    addEventListener('dragenter', enter, { signal })
    addEventListener('dragleave', leave, { signal })
    addEventListener('dragover', hover, { signal })
    addEventListener('drop', drop, { signal })
    addEventListener('paste', paste, { signal })
    return () => controller.abort()
  }, [])
  return (
    <>
      {children}
      {over && (
        <div class="drop" aria-hidden="true">
          <p>Drop to send to everyone here<small>up to 32 MB each</small></p>
        </div>
      )}
    </>
  )
}
