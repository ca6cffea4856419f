import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'

import { fileBytesMax, say, share } from '../chat'
import { clock } from '../format'
import { lines, type Line } from '../lines'
import { colour, person } from '../people'
import type { DemoRoomHandle } from '../session'
import { Icon } from './icons'
import { Fate, FileLine } from './FileLine'

/** After so long the same speaker is named again. Units: ms. */
const breathMax = 5 * 60_000
/** The message field grows up to here and scrolls from then on. Units: px. */
const composerHeightMax = 160

export function Chat({ room }: { room: DemoRoomHandle }) {
  const list = lines.value
  const log = useRef<HTMLDivElement>(null)
  const pinned = useRef(true)
  // Follows the newest line unless the reader has scrolled up.
  useLayoutEffect(() => {
    const element = log.current
    if (element !== null && pinned.current) element.scrollTop = element.scrollHeight
  }, [list])
  useEffect(() => {
    const element = log.current
    if (element === null) return
    // Pictures arrive after their line: what grows below keeps the newest in sight.
    const observer = new ResizeObserver(() => { if (pinned.current) element.scrollTop = element.scrollHeight })
    for (const child of element.children) observer.observe(child)
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  const scrolled = () => {
    const element = log.current
    if (element !== null) pinned.current = element.scrollHeight - element.scrollTop - element.clientHeight < 60
  }
  return (
    <section class="chat" aria-label="Chat">
      <div class="log" ref={log} onScroll={scrolled} tabIndex={0} role="log" aria-live="polite" aria-relevant="additions" aria-label="Messages">
        <div class="log-lines">
          {list.length === 0 && <p class="log-empty">Say something, or drop a file.<br />It goes straight to the people here.<br />Messages are not kept.</p>}
          {list.map((line, index) => <LineView key={line.key} line={line} before={list[index - 1]} selfId={room.selfId} />)}
        </div>
      </div>
      <Composer />
    </section>
  )
}

function LineView({ line, before, selfId }: { line: Line, before: Line | undefined, selfId: string }) {
  const who = person(line.from)
  const mine = line.from === selfId
  const name = mine ? 'You' : who?.name ?? 'Somebody'
  const style = { '--person': colour(who?.hue ?? 220) }
  if (line.kind === 'note') return <p class="note" style={style}><b>{name}</b> {line.text} <time>{clock(line.at)}</time></p>
  const goesOn = before !== undefined && before.kind !== 'note' && before.from === line.from && line.at - before.at < breathMax
  return (
    <article class={`line ${mine ? 'is-mine' : ''} ${goesOn ? 'goes-on' : ''}`} style={style}>
      {!goesOn && <header><b>{name}</b> <time>{clock(line.at)}</time></header>}
      {line.kind === 'text' ? <p class="said"><Linked text={line.text} /></p> : <FileLine file={line.file} fate={line.fate} />}
      <Fate fate={line.fate} />
    </article>
  )
}

/** Text whose web addresses can be followed. */
function Linked({ text }: { text: string }) {
  const parts = text.split(/(https?:\/\/[^\s<>"]+)/g)
  return <>{parts.map((part, index) => index % 2 === 1 ? <a key={index} href={part} target="_blank" rel="noopener noreferrer">{part}</a> : part)}</>
}

function Composer() {
  const [text, setText] = useState('')
  const field = useRef<HTMLTextAreaElement>(null)
  const picker = useRef<HTMLInputElement>(null)
  const send = () => {
    if (text.trim() === '') return
    say(text.trim())
    setText('')
  }
  const keyed = (event: KeyboardEvent) => {
    // While an input method composes, Enter takes the word and sends nothing.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    send()
  }
  const picked = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement
    share([...input.files ?? []])
    input.value = ''
  }
  useLayoutEffect(() => {
    const element = field.current
    if (element === null) return
    element.style.height = 'auto'
    // `scrollHeight` leaves the borders out: without them one line would scroll by a pixel.
    const borders = element.offsetHeight - element.clientHeight
    element.style.height = `${Math.min(element.scrollHeight + borders, composerHeightMax)}px`
  }, [text])
  return (
    <form class="composer" onSubmit={event => { event.preventDefault(); send() }}>
      <input ref={picker} type="file" multiple hidden onChange={picked} />
      <button type="button" class="button quiet icon-only" aria-label="Send files" title={`Send files, up to ${fileBytesMax / 1024 / 1024} MB each`} onClick={() => picker.current?.click()}><Icon name="attach" /></button>
      <textarea ref={field} rows={1} value={text} placeholder="Message everyone here" aria-label="Message" maxLength={20_000} enterkeyhint="send" onInput={event => setText(event.currentTarget.value)} onKeyDown={keyed} />
      <button type="submit" class="button primary icon-only" aria-label="Send" disabled={text.trim() === ''}><Icon name="send" /></button>
    </form>
  )
}
