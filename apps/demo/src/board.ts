// The shared board: a store of the room. What is done here shows at once, is kept in this browser, and
// reaches every page in one order, now or when they meet.

import { computed, signal } from '@preact/signals'
import { MeshError, type ActionContext, type AuthorId, type MemberId, type Receipt, type SharedStore } from 'meshlace'

import { counted, people as peopleCounted } from './format'
import { me, peers } from './people'
import { ledgerIsOpen, status, storageTrouble, trouble, type DemoRoomHandle } from './session'
import { sentence, unopened } from './words'

export const columns = ['todo', 'doing', 'done'] as const
export type ColumnId = typeof columns[number]
export const columnNames: Record<ColumnId, string> = { todo: 'To do', doing: 'Doing', done: 'Done' }

export interface Card {
  text: string
  /** Who wrote it first. */
  author: AuthorId
  member: MemberId
}

/** How a writer wants to be shown: signed like the cards, so it is known also when they are not here. */
export interface Writer { name: string, hue: number, member: MemberId }

export interface BoardState {
  cards: Record<string, Card>
  /** The cards of each column, the uppermost first. */
  columns: Record<ColumnId, string[]>
  writers: Record<AuthorId, Writer>
}

export type BoardAction =
  | { type: 'writer', name: string, hue: number }
  | { type: 'add', id: string, text: string, column: ColumnId }
  | { type: 'edit', id: string, text: string }
  | { type: 'move', id: string, column: ColumnId, before: string | null }
  | { type: 'remove', id: string }

/** Most characters of a card, and most cards: what a person still reads. */
export const cardLengthMax = 280
export const cardCountMax = 300

const empty: BoardState = { cards: {}, columns: { todo: [], doing: [], done: [] }, writers: {} }

export const board = signal<BoardState>(empty)
/** Changes made here since the page opened that nobody else is known to hold. */
const waiting = signal(0)

let store: SharedStore<BoardState, BoardAction> | null = null
/** As which we have shown ourselves to the board; null before anything was written from this page. */
let shownAs: string | null = null

/** Opens the board of the room. */
export function open(room: DemoRoomHandle): void {
  const opened = room.store<BoardState, BoardAction>('board', { version: 1, initial: empty, reduce, allow })
  store = opened
  shownAs = null
  waiting.value = 0
  board.value = opened.getState()
  opened.subscribe(() => { board.value = opened.getState() })
}

export function addCard(column: ColumnId, text: string): void {
  dispatch({ type: 'add', id: freshId(), text: text.trim().slice(0, cardLengthMax), column })
}

export function editCard(id: string, text: string): void {
  const next = text.trim().slice(0, cardLengthMax)
  if (next !== '' && next !== board.peek().cards[id]?.text) dispatch({ type: 'edit', id, text: next })
}

/** Puts a card ahead of another, or at the foot of a column. */
export function moveCard(id: string, column: ColumnId, before: string | null): void {
  const list = board.peek().columns[column]
  const at = list.indexOf(id)
  if (before === id || (at >= 0 && (list[at + 1] ?? null) === before)) return
  dispatch({ type: 'move', id, column, before })
}

export function removeCard(id: string): void {
  dispatch({ type: 'remove', id })
}

/** Shows a new name or colour on the board too, where we have written to it. */
export function showSelf(): void {
  if (shownAs !== null) act(() => undefined)
}

/** Who an author is. Empty is ourselves, before the end of a tick. */
export function writer(author: AuthorId, member: MemberId): { name: string, hue: number } {
  if (author === '') return me.value
  const { writers } = board.value
  return writers[author] ?? Object.values(writers).find(other => other.member === member) ?? { name: 'Somebody', hue: hueOf(member) }
}

/** Where a change stands, in one line. */
export const keeping = computed<{ look: string, words: string }>(() => {
  const open = peers.value.filter(person => person.state === 'open').length
  if (storageTrouble.value !== null) return { look: 'recovering', words: storageTrouble.value }
  if (!ledgerIsOpen.value) return { look: 'recovering', words: `${unopened} What you write is kept here until then.` }
  if (status.value === 'connected' && open > 0) return { look: 'open', words: `Kept here and shared with ${peopleCounted(open)}.` }
  const what = waiting.value > 0 ? `${counted(waiting.value, 'change')} kept here` : 'Kept here'
  const goes = waiting.value > 1 ? 'go' : 'goes'
  const look = status.value === 'offline' ? 'recovering' : 'linking'
  return { look, words: `${status.value === 'offline' ? 'Offline. ' : ''}${what}, ${goes} out when others are reachable.` }
})

function dispatch(action: BoardAction): void {
  act(opened => opened.dispatch(action))
}

/** Does something to the board, under our present name. What is dispatched in one tick is one block. */
function act(what: (opened: SharedStore<BoardState, BoardAction>) => Receipt | undefined): void {
  if (store === null) return
  try {
    const { name } = me.peek()
    const hue = Math.round(me.peek().hue) % 360
    let receipt: Receipt | undefined
    if (shownAs !== `${hue} ${name}`) {
      receipt = store.dispatch({ type: 'writer', name, hue })
      shownAs = `${hue} ${name}`
    }
    receipt = what(store) ?? receipt
    if (receipt !== undefined) follow(receipt)
  } catch (error) {
    trouble.value = notDone(error)
  }
}

function follow(receipt: Receipt): void {
  // Where nothing can be stored the room says so once, for all.
  receipt.stored.catch(() => undefined)
  receipt.written.catch(error => { trouble.value = notDone(error) })
  waiting.value += 1
  const over = () => { waiting.value = Math.max(0, waiting.value - 1) }
  receipt.seenBy(1).then(over, over)
}

function notDone(error: unknown): string {
  if (error instanceof MeshError && error.code === 'NotAllowed') return `Not done: the board takes ${cardCountMax} cards of ${cardLengthMax} characters.`
  if (error instanceof MeshError && error.code === 'QueueFull') return 'Not done: too much is waiting already. Try again in a moment.'
  return `Not done: ${sentence(String((error as Error)?.message ?? error))}`
}

// ---- what every page must do alike

/** An action is a stranger's word: what it holds is checked before it counts. */
function allow(state: BoardState, action: BoardAction): boolean {
  switch (action.type) {
    case 'writer': return isText(action.name, 32) && Number.isInteger(action.hue) && action.hue >= 0 && action.hue < 360
    case 'add': return isId(action.id) && isText(action.text, cardLengthMax) && isColumn(action.column) && Object.keys(state.cards).length < cardCountMax
    case 'edit': return isId(action.id) && isText(action.text, cardLengthMax)
    case 'move': return isId(action.id) && isColumn(action.column) && (action.before === null || isId(action.before))
    case 'remove': return isId(action.id)
    default: return false
  }
}

function reduce(state: BoardState, action: BoardAction, { author, member }: ActionContext): BoardState {
  switch (action.type) {
    case 'writer':
      return { ...state, writers: { ...state.writers, [author]: { name: action.name, hue: action.hue, member } } }
    case 'add': {
      if (action.id in state.cards) return state
      const cards = { ...state.cards, [action.id]: { text: action.text, author, member } }
      return { ...state, cards, columns: placed(state.columns, action.id, action.column, null) }
    }
    case 'edit': {
      const card = state.cards[action.id]
      return card === undefined ? state : { ...state, cards: { ...state.cards, [action.id]: { ...card, text: action.text } } }
    }
    case 'move':
      return action.id in state.cards ? { ...state, columns: placed(state.columns, action.id, action.column, action.before) } : state
    case 'remove': {
      const { [action.id]: removed, ...cards } = state.cards
      return removed === undefined ? state : { ...state, cards, columns: without(state.columns, action.id) }
    }
  }
}

function without(all: BoardState['columns'], id: string): BoardState['columns'] {
  const rest = (list: string[]) => (list.includes(id) ? list.filter(other => other !== id) : list)
  return { todo: rest(all.todo), doing: rest(all.doing), done: rest(all.done) }
}

/** A card that was to be followed by one that is gone comes last. */
function placed(all: BoardState['columns'], id: string, column: ColumnId, before: string | null): BoardState['columns'] {
  const next = without(all, id)
  const at = before === null ? -1 : next[column].indexOf(before)
  next[column] = at < 0 ? [...next[column], id] : [...next[column].slice(0, at), id, ...next[column].slice(at)]
  return next
}

/** Only such ids are keys of the state: `__proto__` is none. */
function isId(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{16}$/.test(value)
}

function isText(value: unknown, lengthMax: number): boolean {
  return typeof value === 'string' && value.trim() !== '' && value.length <= lengthMax
}

function isColumn(value: unknown): boolean {
  return columns.some(column => column === value)
}

/** `randomUUID` wants HTTPS, and a phone may be here without. */
function freshId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), byte => byte.toString(16).padStart(2, '0')).join('')
}

/** A colour for who has not said one. */
function hueOf(name: string): number {
  let sum = 0
  for (const character of name) sum = (sum * 31 + character.charCodeAt(0)) % 360
  return sum
}
