// Opens the room that the address names, and shows it.

import { render } from 'preact'

import * as board from './board'
import * as chat from './chat'
import * as cursors from './cursors'
import { prepareInvite } from './invite'
import * as history from './history'
import * as links from './links'
import * as media from './media'
import * as people from './people'
import { open, phase } from './session'
import { App } from './view/App'

import './style/base.css'
import './style/stage.css'
import './style/tile.css'
import './style/chat.css'
import './style/board.css'
import './style/history.css'
import './style/panels.css'

const page = document.getElementById('page')
if (page === null) throw new Error('the page has no place to render into')

// Another address in the same tab is another room; a fresh page leaves the old one properly.
addEventListener('hashchange', () => location.reload())

page.replaceChildren()
render(<App onRetry={start} />, page)
void start()

async function start(): Promise<void> {
  await open(room => {
    people.follow(room, chat.noteArrival)
    chat.listen(room)
    board.open(room)
    const stopHistory = history.watch(room)
    cursors.share(room)
    media.watchStreams(room)
    const stop = links.watch(room)
    const over = phase.subscribe(now => {
      if (now.name !== 'over') return
      stop()
      stopHistory()
      media.stopCamera()
      queueMicrotask(() => over())
    })
    void prepareInvite(room.address)
  })
}
