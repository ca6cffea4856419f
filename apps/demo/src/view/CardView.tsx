import { signal } from '@preact/signals'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

import { board, cardLengthMax, columnNames, columns, editCard, moveCard, removeCard, writer, type Card, type ColumnId } from '../board'
import { drag, startDrag } from '../drag'
import { colour } from '../people'
import { Icon, type IconName } from './icons'

/** Which card, and which button of it, is to have the focus once it is drawn. */
export const wanted = signal<{ id: string, what: string | null } | null>(null)
/** What was done, for those who do not see it. */
export const said = signal('')

interface CardProps { id: string, card: Card, column: ColumnId }

export function CardView({ id, card, column }: CardProps) {
  const [edits, setEdits] = useState(false)
  const element = useRef<HTMLLIElement>(null)
  const { name, hue } = writer(card.author, card.member)
  const at = columns.indexOf(column)
  const aside = (step: number, what: string | null) => {
    const next = columns[at + step]
    if (next === undefined) return
    wanted.value = { id, what }
    moveCard(id, next, null)
    said.value = `Moved to ${columnNames[next]}`
  }
  const along = (step: number) => {
    const list = board.peek().columns[column]
    const place = list.indexOf(id)
    if (place + step < 0 || place + step >= list.length) return
    wanted.value = { id, what: null }
    moveCard(id, column, list[step < 0 ? place - 1 : place + 2] ?? null)
    said.value = `Moved ${step < 0 ? 'up' : 'down'}`
  }
  const remove = () => {
    const list = board.peek().columns[column]
    const place = list.indexOf(id)
    const neighbour = list[place + 1] ?? list[place - 1]
    if (neighbour !== undefined) wanted.value = { id: neighbour, what: null }
    removeCard(id)
    said.value = 'Removed'
  }
  const keyed = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return
    const act = keys(event.key)
    if (act === undefined) return
    event.preventDefault()
    act()
  }
  const keys = (key: string): (() => void) | undefined => ({
    ArrowLeft: () => aside(-1, null),
    ArrowRight: () => aside(1, null),
    ArrowUp: () => along(-1),
    ArrowDown: () => along(1),
    Enter: () => setEdits(true),
    Delete: remove,
    Backspace: remove,
  })[key]
  // A finger on a card scrolls; on its grip it drags.
  const press = (event: PointerEvent) => {
    const target = event.target as HTMLElement
    const grip = target.closest('.grip') !== null
    if (edits || element.current === null || (target.closest('button') !== null && !grip)) return
    if (event.pointerType !== 'touch' || grip) startDrag(event, id, element.current)
  }
  if (edits) return <Editor id={id} card={card} hue={hue} onRemove={remove} onDone={() => { wanted.value = { id, what: null }; setEdits(false) }} />
  const [left, right] = [columns[at - 1], columns[at + 1]]
  return (
    <li
      ref={element} class={`card ${drag.value?.id === id ? 'is-lifted' : ''}`} data-card={id} tabIndex={0} style={{ '--person': colour(hue) }}
      aria-label={`${card.text}, by ${name}`} aria-keyshortcuts="ArrowLeft ArrowRight ArrowUp ArrowDown Enter Delete"
      onKeyDown={keyed} onPointerDown={press} onDblClick={() => setEdits(true)}
    >
      <p class="card-text">{card.text}</p>
      <div class="card-foot">
        <span class="card-writer">{name}</span>
        <CardButton icon="left" what="left" label={left === undefined ? 'First column' : `Move to ${columnNames[left]}`} disabled={left === undefined} onClick={() => aside(-1, 'left')} />
        <CardButton icon="right" what="right" label={right === undefined ? 'Last column' : `Move to ${columnNames[right]}`} disabled={right === undefined} onClick={() => aside(1, 'right')} />
        <CardButton icon="pen" what="edit" label="Edit" onClick={() => setEdits(true)} />
        <span class="grip" aria-hidden="true"><Icon name="grip" /></span>
      </div>
    </li>
  )
}

function CardButton({ icon, what, label, disabled, onClick }: { icon: IconName, what: string, label: string, disabled?: boolean, onClick: () => void }) {
  return <button type="button" class="card-button" data-do={what} aria-label={label} title={label} disabled={disabled ?? false} onClick={onClick}><Icon name={icon} /></button>
}

interface EditorProps { id: string, card: Card, hue: number, onRemove: () => void, onDone: () => void }

function Editor({ id, card, hue, onRemove, onDone }: EditorProps) {
  const [text, setText] = useState(card.text)
  const field = useRef<HTMLTextAreaElement>(null)
  useLayoutEffect(() => {
    field.current?.focus()
    field.current?.select()
  }, [])
  useLayoutEffect(() => {
    const element = field.current
    if (element === null) return
    element.style.height = 'auto'
    element.style.height = `${element.scrollHeight + element.offsetHeight - element.clientHeight}px`
  }, [text])
  const save = () => {
    editCard(id, text)
    onDone()
  }
  const keyed = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onDone()
    // While an input method composes, Enter takes the word.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    save()
  }
  return (
    <li class="card is-edited" data-card={id} style={{ '--person': colour(hue) }}>
      <form onSubmit={event => { event.preventDefault(); save() }}>
        <textarea ref={field} rows={2} value={text} aria-label="Text of the card" maxLength={cardLengthMax} enterkeyhint="done" onInput={event => setText(event.currentTarget.value)} onKeyDown={keyed} />
        <div class="card-foot">
          <button type="submit" class="button primary">Save</button>
          <button type="button" class="button quiet" onClick={onDone}>Cancel</button>
          <button type="button" class="button quiet icon-only remove" aria-label="Delete the card" title="Delete the card" onClick={onRemove}><Icon name="bin" /></button>
        </div>
      </form>
    </li>
  )
}
