// A card that is dragged, by mouse, pen or finger.

import { signal } from '@preact/signals'

import { columns, moveCard, type ColumnId } from './board'

export interface Drag {
  id: string
  /** Where the card's corner is now. Units: CSS pixels. */
  x: number
  y: number
  width: number
  /** Where it would land. */
  target: { column: ColumnId, before: string | null } | null
}

export const drag = signal<Drag | null>(null)

/** A press that moves less is a click. Units: CSS pixels. */
const stillMax = 5
/** So near to an edge the board scrolls along. Units: CSS pixels. */
const edge = 56

/** Follows a pointer that went down on a card, until it is lifted. */
export function startDrag(event: PointerEvent, id: string, card: HTMLElement): void {
  if (event.button !== 0 || drag.peek() !== null) return
  const box = card.getBoundingClientRect()
  const [fromX, fromY] = [event.clientX, event.clientY]
  let [x, y] = [fromX, fromY]
  let frame = 0
  const controller = new AbortController()
  const { signal } = controller
  const show = () => {
    drag.value = { id, x: box.left + x - fromX, y: box.top + y - fromY, width: box.width, target: targetAt(x, y, id) }
  }
  const scrollAlong = () => {
    frame = requestAnimationFrame(scrollAlong)
    // On a wide page each column scrolls, on a narrow one the board does.
    const lists = document.elementFromPoint(x, y)?.closest<HTMLElement>('[data-column]')?.querySelectorAll<HTMLElement>('.cards') ?? []
    for (const element of [...lists, ...document.querySelectorAll<HTMLElement>('.board')]) {
      const { top, bottom } = element.getBoundingClientRect()
      const step = y < top + edge ? -8 : y > bottom - edge ? 8 : 0
      const before = element.scrollTop
      if (step !== 0) element.scrollTop += step
      if (element.scrollTop !== before) show()
    }
  }
  const move = (event: PointerEvent) => {
    ;[x, y] = [event.clientX, event.clientY]
    if (drag.peek() === null) {
      if (Math.hypot(x - fromX, y - fromY) < stillMax) return
      frame = requestAnimationFrame(scrollAlong)
      getSelection()?.removeAllRanges()
    }
    event.preventDefault()
    show()
  }
  const end = (drops: boolean) => {
    controller.abort()
    cancelAnimationFrame(frame)
    const target = drag.peek()?.target ?? null
    drag.value = null
    if (drops && target !== null) moveCard(id, target.column, target.before)
  }
  addEventListener('pointermove', move, { signal, passive: false })
  addEventListener('pointerup', () => end(true), { signal })
  addEventListener('pointercancel', () => end(false), { signal })
  addEventListener('blur', () => end(false), { signal })
  addEventListener('keydown', event => { if (event.key === 'Escape') end(false) }, { signal })
}

function targetAt(x: number, y: number, id: string): Drag['target'] {
  const element = document.elementFromPoint(x, y)?.closest<HTMLElement>('[data-column]')
  const column = columns.find(name => name === element?.dataset.column)
  if (element === null || element === undefined || column === undefined) return null
  for (const card of element.querySelectorAll<HTMLElement>('[data-card]')) {
    const { top, height } = card.getBoundingClientRect()
    if (card.dataset.card !== id && y < top + height / 2) return { column, before: card.dataset.card ?? null }
  }
  return { column, before: null }
}
