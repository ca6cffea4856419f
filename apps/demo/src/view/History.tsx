import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Block } from 'meshlace'

import { writer } from '../board'
import { counted } from '../format'
import { exportLedger, fileNote, importLedger, picture, type Dot, type Picture } from '../history'
import { colour } from '../people'
import { ledgerIsOpen, type DemoRoomHandle } from '../session'
import { unopened } from '../words'
import { BlockDetails } from './BlockDetails'
import { Icon } from './icons'

/** Of the drawing: columns are as wide as there is room for, within these. Units: CSS pixels. */
const columnWidths = { min: 26, max: 60 }
const laneHeights = { few: 76, many: 46 }
const margin = 26

/** Every block of the room, live: who wrote it, what it names, and whether its signature holds. */
export function History({ room }: { room: DemoRoomHandle }) {
  const [chosen, choose] = useState<Block | null>(null)
  const now = picture.value
  // Its place may have changed since it was chosen.
  const shown = chosen === null ? null : now.dots.find(({ block }) => block.id === chosen.id)?.block ?? chosen
  return (
    <main class={`history-view ${shown === null ? '' : 'has-details'}`} aria-label="History" data-open={ledgerIsOpen.value}>
      <header class="history-head">
        <h2>{counted(now.olderCount + now.dots.length, 'block')}</h2>
        <p class="aside">{now.olderCount > 0 ? `The last ${now.dots.length} are drawn; ${now.olderCount.toLocaleString()} older ones are not.` : 'All that was ever written in this room, as far as it is here.'}</p>
        <FileMenu room={room} />
      </header>
      {fileNote.value !== null && (
        <p class={`file-note ${fileNote.value.bad ? 'is-bad' : ''}`} role="status">
          {fileNote.value.words}
          <button type="button" class="button quiet icon-only" aria-label="Dismiss" onClick={() => { fileNote.value = null }}><Icon name="close" /></button>
        </p>
      )}
      {now.dots.length === 0
        ? <p class="history-empty">{ledgerIsOpen.value ? 'No blocks yet. Add a card to the board, and watch it being written.' : unopened}</p>
        : <Graph picture={now} chosen={shown} onChoose={choose} />}
      <Legend />
      {shown !== null && <BlockDetails block={shown} dots={now.dots} onChoose={choose} onClose={() => choose(null)} />}
    </main>
  )
}

interface GraphProps { picture: Picture, chosen: Block | null, onChoose: (block: Block) => void }

function Graph({ picture: { dots, lanes, columnCount, olderCount }, chosen, onChoose }: GraphProps) {
  const scroller = useRef<HTMLDivElement>(null)
  const pinned = useRef(true)
  const labels = useRef<HTMLUListElement>(null)
  const [roomWidth, setRoomWidth] = useState(0)
  useLayoutEffect(() => {
    const element = scroller.current
    if (element === null) return
    const measure = () => setRoomWidth(element.clientWidth - (labels.current?.offsetWidth ?? 0))
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    measure()
    return () => observer.disconnect()
  }, [])
  const columnWidth = within(columnWidths, (roomWidth - margin * 2) / Math.max(1, columnCount - 1))
  const laneHeight = lanes.length <= 5 ? laneHeights.few : laneHeights.many
  const width = Math.max(roomWidth, margin * 2 + Math.max(0, columnCount - 1) * columnWidth)
  const height = lanes.length * laneHeight
  // Follows the newest block unless the reader has scrolled back.
  useLayoutEffect(() => {
    const element = scroller.current
    if (element !== null && pinned.current) element.scrollLeft = element.scrollWidth
  }, [dots, columnWidth, roomWidth])
  const scrolled = () => {
    const element = scroller.current
    if (element !== null) pinned.current = element.scrollWidth - element.scrollLeft - element.clientWidth < 40
  }
  const hues = lanes.map(({ author, member }) => writer(author, member))
  const placeOf = ({ column, lane }: Dot) => ({ x: margin + column * columnWidth, y: lane * laneHeight + laneHeight / 2 })
  const byId = new Map(dots.map(dot => [dot.block.id, dot]))
  // One dot is in the order of the Tab key; arrows lead to the others.
  const entry = dots.find(dot => dot.block.id === chosen?.id) ?? dots.at(-1)
  const keyed = (event: KeyboardEvent, dot: Dot) => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault()
      onChoose(dot.block)
      return
    }
    const next = neighbour(dots, dot, event.key)
    if (next === undefined) return
    event.preventDefault()
    const element = scroller.current?.querySelector<SVGGElement>(`[data-block="${CSS.escape(next.block.id)}"]`)
    element?.focus()
    element?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }
  return (
    <div class="graph" ref={scroller} onScroll={scrolled}>
      <ul class="lanes" ref={labels} style={{ height: `${height}px` }}>
        {lanes.map(({ author, forked }, lane) => (
          <li key={author} class={forked ? 'is-forked' : ''} style={{ height: `${laneHeight}px`, '--person': colour(hues[lane]?.hue ?? 220) }} title={author}>
            <span class="lane-name">{hues[lane]?.name}</span>
            {forked && <span class="forked" title="Wrote two histories: what it wrote since is void"><Icon name="warning" />forked</span>}
          </li>
        ))}
      </ul>
      <svg class="dag" width={width} height={height} role="group" aria-label="Blocks, the newest on the right">
        <rect class="tentative" x="0" y="0" width={width} height={height} />
        {lanes.map(({ author }, lane) => <path key={author} class="lane" d={`M0 ${lane * laneHeight + laneHeight / 2}H${width}`} />)}
        {olderCount > 0 && <path class="older" d={`M6 6V${height - 6}`} />}
        <g class="edges">
          {dots.flatMap(dot => dot.parents.map(parent => {
            const from = byId.get(parent)
            const [a, b] = [from === undefined ? undefined : placeOf(from), placeOf(dot)]
            const own = from?.lane === dot.lane
            const near = chosen !== null && (chosen.id === dot.block.id || chosen.id === parent)
            return (
              <path
                key={`${parent} ${dot.block.id}`} class={`${own ? 'is-own' : ''} ${near ? 'is-near' : ''}`}
                style={{ '--person': colour(hues[dot.lane]?.hue ?? 220) }}
                d={a === undefined ? `M${b.x - 14} ${b.y}H${b.x}` : edge(a, b)}
              />
            )
          }))}
        </g>
        {dots.map(dot => {
          const { x, y } = placeOf(dot)
          const { block } = dot
          return (
            <g
              key={block.id} data-block={block.id} class={`block ${chosen?.id === block.id ? 'is-chosen' : ''}`}
              role="button" tabIndex={dot === entry ? 0 : -1} aria-pressed={chosen?.id === block.id}
              aria-label={`Block ${block.seq + 1} of ${hues[dot.lane]?.name}, ${counted(block.actions.length, 'action')}`}
              style={{ '--person': colour(hues[dot.lane]?.hue ?? 220) }} transform={`translate(${x} ${y})`}
              onClick={() => onChoose(block)} onKeyDown={event => keyed(event, dot)}
            >
              <rect class="reach" x={-columnWidth / 2} y={-laneHeight / 2} width={columnWidth} height={laneHeight} />
              <circle class="ring" r="11" />
              <circle class="dot-mark" r={block.actions.length > 0 ? 6.5 : 4} />
            </g>
          )
        })}
      </svg>
    </div>
  )
}

function within({ min, max }: { min: number, max: number }, value: number): number {
  return Math.min(max, Math.max(min, value))
}

function edge(a: { x: number, y: number }, b: { x: number, y: number }): string {
  if (a.y === b.y) return `M${a.x} ${a.y}H${b.x}`
  const bend = Math.max(10, (b.x - a.x) / 2)
  return `M${a.x} ${a.y}C${a.x + bend} ${a.y} ${b.x - bend} ${b.y} ${b.x} ${b.y}`
}

/** The block that an arrow key leads to. */
function neighbour(dots: readonly Dot[], from: Dot, key: string): Dot | undefined {
  const nearest = (list: readonly Dot[]) => list.reduce<Dot | undefined>((best, dot) => (
    best === undefined || Math.abs(dot.column - from.column) < Math.abs(best.column - from.column) ? dot : best
  ), undefined)
  switch (key) {
    case 'ArrowLeft': return nearest(dots.filter(dot => dot.lane === from.lane && dot.column < from.column))
    case 'ArrowRight': return nearest(dots.filter(dot => dot.lane === from.lane && dot.column > from.column))
    case 'ArrowUp': return nearest(dots.filter(dot => dot.lane === from.lane - 1))
    case 'ArrowDown': return nearest(dots.filter(dot => dot.lane === from.lane + 1))
    case 'Home': return dots[0]
    case 'End': return dots.at(-1)
    default: return undefined
  }
}

function Legend() {
  return (
    <ul class="history-legend aside">
      <li><svg width="18" height="18" aria-hidden="true"><circle class="dot-mark" cx="9" cy="9" r="6" /></svg>a block, in its author's colour</li>
      <li><svg width="30" height="18" aria-hidden="true"><path class="legend-edge" d="M2 13C12 13 16 5 28 5" /></svg>names a block before it</li>
      <li><span class="legend-tentative" aria-hidden="true" />tentative: its place may still change. In this version that is all of them: there are no checkpoints yet.</li>
    </ul>
  )
}

function FileMenu({ room }: { room: DemoRoomHandle }) {
  const [open, setOpen] = useState(false)
  const menu = useRef<HTMLDivElement>(null)
  const picker = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (!open) return
    menu.current?.querySelector<HTMLElement>('[role=menuitem]')?.focus()
    const controller = new AbortController()
    const { signal } = controller
    addEventListener('pointerdown', event => { if (menu.current?.contains(event.target as Node) !== true) setOpen(false) }, { signal })
    return () => controller.abort()
  }, [open])
  const keyed = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      setOpen(false)
      menu.current?.querySelector<HTMLElement>('button')?.focus()
    }
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
    event.preventDefault()
    const items = [...menu.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? []]
    const at = items.indexOf(document.activeElement as HTMLElement) + (event.key === 'ArrowDown' ? 1 : -1)
    items.at(at % items.length)?.focus()
  }
  const picked = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement
    const file = input.files?.[0]
    if (file !== undefined) void importLedger(room, file)
    input.value = ''
  }
  return (
    <div class="menu" ref={menu} onKeyDown={keyed}>
      <input ref={picker} class="ledger-file" type="file" hidden onChange={picked} />
      <button type="button" class="button" aria-haspopup="menu" aria-expanded={open} onClick={() => setOpen(!open)}><Icon name="file" />File</button>
      {open && (
        <div class="menu-items" role="menu">
          <button type="button" role="menuitem" onClick={() => { setOpen(false); void exportLedger(room) }}><Icon name="download" /><span>Export<small>all blocks as one file</small></span></button>
          <button type="button" role="menuitem" onClick={() => { setOpen(false); picker.current?.click() }}><Icon name="attach" /><span>Import<small>every block is checked</small></span></button>
        </div>
      )}
    </div>
  )
}
