import { useMemo } from 'preact/hooks'
import type { Block } from 'meshlace'

import { board, columnNames, writer, type BoardAction } from '../board'
import { checked, type Dot } from '../history'
import { colour } from '../people'
import { Icon } from './icons'

interface DetailsProps { block: Block, dots: readonly Dot[], onChoose: (block: Block) => void, onClose: () => void }

/** Everything one block says of itself, and whether it is true. */
export function BlockDetails({ block, dots, onChoose, onClose }: DetailsProps) {
  const { name, hue } = writer(block.author, block.member)
  // Hashes and checks a signature: once for each block that is looked at, not for each drawing.
  const { holds, words } = useMemo(() => checked(block), [block.id])
  const parents = useMemo(() => block.parents(), [block.id])
  return (
    <aside class="details" aria-label="Block" style={{ '--person': colour(hue) }}>
      <header>
        <h3>Block {block.seq + 1} of {name}</h3>
        <button type="button" class="button quiet icon-only" aria-label="Close" onClick={onClose}><Icon name="close" /></button>
      </header>
      <p class={`check ${holds ? 'is-held' : 'is-broken'}`} role="status"><Icon name={holds ? 'check' : 'warning'} />{words}</p>
      {block.actions.length === 0
        ? <p class="aside">Says nothing to a store.</p>
        : <ul class="actions">{block.actions.map(({ store, action }, index) => <li key={index}>{store === 'board' ? inWords(action as BoardAction) : <code>{JSON.stringify(action)}</code>}</li>)}</ul>}
      <dl>
        <div><dt>Written</dt><dd>{block.wallTime.toLocaleString()}<small>by the author's clock</small></dd></div>
        <div><dt>In the order</dt><dd>{(block.index + 1).toLocaleString()}<small>tentative</small></dd></div>
        <div><dt>In its chain</dt><dd>{(block.seq + 1).toLocaleString()}<small>seq {block.seq}</small></dd></div>
        <div><dt>Height</dt><dd>{block.height}</dd></div>
        <div>
          <dt>Names</dt>
          <dd>{parents.length === 0 ? 'nothing before it' : parents.map(id => {
            const dot = dots.find(candidate => candidate.block.id === id)
            return dot === undefined
              ? <span key={id} class="mono">{short(id)}</span>
              : <button key={id} type="button" class="link mono" style={{ '--person': colour(writer(dot.block.author, dot.block.member).hue) }} title={id} onClick={() => onChoose(dot.block)}>{short(id)}</button>
          })}</dd>
        </div>
        <div><dt>Block id</dt><dd class="mono">{block.id}</dd></div>
        <div><dt>Author</dt><dd class="mono">{block.author}</dd></div>
        <div><dt>Member</dt><dd class="mono">{block.member}</dd></div>
      </dl>
      {block.actions.length > 0 && (
        <details>
          <summary>Actions as written</summary>
          <pre>{block.actions.map(({ store, action }) => `${store} ${JSON.stringify(action, null, 1)}`).join('\n')}</pre>
        </details>
      )}
    </aside>
  )
}

function short(id: string): string {
  return id.slice(0, 8)
}

/** What an action does to the board. It is shown as it was written, even where the board refused it. */
function inWords(action: BoardAction): string {
  const text = (id: string) => {
    const known = board.value.cards[id]?.text
    return known === undefined ? 'a card that is gone' : `"${cut(known)}"`
  }
  switch (action.type) {
    case 'writer': return `Is shown as ${String(action.name)}`
    case 'add': return `Adds "${cut(String(action.text))}" to ${columnNames[action.column] ?? 'no column'}`
    case 'edit': return `Changes a card to "${cut(String(action.text))}"`
    case 'move': return `Moves ${text(action.id)} to ${columnNames[action.column] ?? 'no column'}`
    case 'remove': return `Removes ${text(action.id)}`
    default: return JSON.stringify(action)
  }
}

function cut(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}...` : text
}
