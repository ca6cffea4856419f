import { bytes, people } from '../format'
import type { Attachment, Fate as FateOf } from '../lines'
import { Icon } from './icons'

/** A file: seen or heard here where the browser can, and always to be saved. */
export function FileLine({ file, fate }: { file: Attachment, fate: FateOf }) {
  const kind = file.type.split('/')[0]
  const { url } = file
  return (
    <figure class="file">
      {url !== null && kind === 'image' && <a class="preview" href={url} download={file.name}><img src={url} alt={file.name} /></a>}
      {url !== null && kind === 'video' && <video class="preview" src={url} controls preload="metadata" />}
      {url !== null && kind === 'audio' && <audio src={url} controls preload="metadata" />}
      <figcaption>
        <Icon name="file" />
        <span class="file-name" title={file.name}>{file.name}</span>
        <span class="file-size">{bytes(file.size)}</span>
        {/* Only ever saved, never opened: a page that a peer sent would run as ours. */}
        {url !== null && <a class="button quiet icon-only" href={url} download={file.name} aria-label={`Save ${file.name}`} title="Save"><Icon name="download" /></a>}
      </figcaption>
      {(fate.name === 'sending' || fate.name === 'coming') && <progress max={1} value={fate.part >= 0.01 ? fate.part : undefined} aria-label={fate.name === 'sending' ? 'Sent' : 'Received'} />}
    </figure>
  )
}

/** What became of a line, in small print; silent where all is well and nobody asked. */
export function Fate({ fate }: { fate: FateOf }) {
  const told = words(fate)
  if (told === null) return null
  return (
    <p class={`fate is-${fate.name}`}>
      {told}
      {fate.name === 'delivered' && fate.missed.map(missed => <span key={missed} class="missed">{missed}</span>)}
    </p>
  )
}

function words(fate: FateOf): string | null {
  switch (fate.name) {
    case 'here': return null
    case 'coming': return fate.part >= 0.01 ? `Arriving, about ${Math.round(fate.part * 100)} %` : 'On its way'
    case 'lost': return fate.why
    case 'queued': return 'Waits for the file before it'
    case 'sending': {
      const to = fate.count === 0 ? '' : ` to ${people(fate.count)}`
      return fate.part >= 0.01 ? `Sending${to}, ${Math.round(fate.part * 100)} %` : `Sending${to}`
    }
    case 'delivered': return fate.words
    case 'unsent': return fate.why
  }
}
