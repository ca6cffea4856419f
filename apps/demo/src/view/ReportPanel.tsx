import { duration } from '../format'
import { historyOf, links, rowsOf, sentenceOf } from '../links'
import { streams } from '../media'
import { colour, person } from '../people'
import { Icon } from './icons'
import { Video } from './Video'

/** Everything known of the link to one peer, in words. */
export function ReportPanel({ peer }: { peer: string }) {
  const view = links.value.get(peer)
  const who = person(peer)
  const name = who?.name ?? 'Somebody'
  const stream = streams.value.get(peer)
  if (view === undefined) {
    return <><h2>{name}</h2><p>{who === undefined ? 'Not here any more.' : 'No figures yet.'}</p></>
  }
  const history = historyOf(view)
  const enlarge = (event: Event) => {
    void (event.currentTarget as HTMLElement).parentElement?.querySelector('video')?.requestFullscreen()
  }
  return (
    <div class="report" style={{ '--person': colour(who?.hue ?? 0) }}>
      <h2>{name}</h2>
      <p class={`report-state is-${view.state}`}><span class="dot" />{sentenceOf(view, name)}</p>
      {stream !== undefined && who?.camera === true && (
        <div class="report-video">
          <Video stream={stream} muted />
          <button type="button" class="button icon-only" aria-label="Full screen" onClick={enlarge}><Icon name="enlarge" /></button>
        </div>
      )}
      {view.report.findings.length > 0 && <ul class="findings">{view.report.findings.map(finding => <li key={finding}>{finding}</li>)}</ul>}
      <dl>
        {rowsOf(view).map(([term, words]) => <div key={term + words}><dt>{term}</dt><dd>{words}</dd></div>)}
      </dl>
      <h3>Time in each state</h3>
      <div class="history" aria-hidden="true">
        {history.map(({ state, look, ms }) => <span key={state} class={`is-${look}`} style={{ flexGrow: Math.max(1, ms) }} />)}
      </div>
      <ol class="history-words">
        {history.map(({ state, look, ms }) => <li key={state}><span class={`dot is-${look}`} />{state.replace('-', ' ')} <b>{duration(ms)}</b></li>)}
      </ol>
      <p class="aside mono">{peer}</p>
    </div>
  )
}
