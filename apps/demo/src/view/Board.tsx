import { useLayoutEffect, useState } from 'preact/hooks'

import { addCard, board, cardLengthMax, columnNames, columns, keeping, writer, type ColumnId } from '../board'
import { drag } from '../drag'
import { colour } from '../people'
import { CardView, said, wanted } from './CardView'
import { Icon } from './icons'

/** The shared board: three columns of cards, each in its writer's colour. */
export function Board() {
  const { look, words } = keeping.value
  useLayoutEffect(() => {
    // A card that moves to another column is another element: the focus goes along.
    if (wanted.value === null) return
    const { id, what } = wanted.value
    const card = document.querySelector<HTMLElement>(`[data-card="${id}"]`)
    const button = what === null ? null : card?.querySelector<HTMLElement>(`[data-do="${what}"]:not(:disabled)`)
    ;(button ?? card)?.focus()
    wanted.value = null
  })
  return (
    <main class={`board ${drag.value === null ? '' : 'is-dragging'}`} aria-label="Board">
      <div class="columns">
        {columns.map(column => <Column key={column} column={column} />)}
      </div>
      <footer class="board-foot">
        <p class={`keeping is-${look}`} role="status"><span class="dot" />{words}</p>
        <p class="board-hint aside">Drag a card, or focus it: arrow keys move it, Enter edits, Delete removes.</p>
      </footer>
      <p class="unseen" aria-live="polite">{said.value}</p>
      <Ghost />
    </main>
  )
}

function Column({ column }: { column: ColumnId }) {
  const list = board.value.columns[column]
  const target = drag.value?.target
  const before = target?.column === column ? target.before : undefined
  return (
    <section class={`column ${target?.column === column ? 'is-target' : ''}`} data-column={column} aria-label={columnNames[column]}>
      <h2>{columnNames[column]} <span class="count">{list.length}</span></h2>
      <ul class="cards">
        {list.flatMap(id => {
          const card = board.value.cards[id]
          if (card === undefined) return []
          return [
            ...(before === id ? [<li key="mark" class="drop-mark" />] : []),
            <CardView key={id} id={id} card={card} column={column} />,
          ]
        })}
        {before === null && <li key="mark" class="drop-mark" />}
      </ul>
      <Composer column={column} />
    </section>
  )
}

function Composer({ column }: { column: ColumnId }) {
  const [text, setText] = useState('')
  const add = (event: Event) => {
    event.preventDefault()
    if (text.trim() === '') return
    addCard(column, text)
    setText('')
  }
  return (
    <form class="card-composer" onSubmit={add}>
      <input type="text" value={text} placeholder="Add a card" aria-label={`Add a card to ${columnNames[column]}`} maxLength={cardLengthMax} enterkeyhint="done" onInput={event => setText(event.currentTarget.value)} />
      <button type="submit" class="button quiet icon-only" aria-label="Add" disabled={text.trim() === ''}><Icon name="plus" /></button>
    </form>
  )
}

/** The dragged card, under the pointer. */
function Ghost() {
  const now = drag.value
  const card = now === null ? undefined : board.value.cards[now.id]
  if (now === null || card === undefined) return null
  return (
    <div class="card is-ghost" aria-hidden="true" style={{ width: `${now.width}px`, transform: `translate(${now.x}px, ${now.y}px) rotate(1.2deg)`, '--person': colour(writer(card.author, card.member).hue) }}>
      <p class="card-text">{card.text}</p>
    </div>
  )
}
