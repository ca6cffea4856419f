/** The events of a page's life that the core wants to know of. */
import { Lifecycle } from './machine.js'

/**
 * Calls `happened` with what happens to the page, and with whether it ran again after a time in
 * which nothing did. Returns how to stop. In a place without a page it does nothing.
 */
export function watchPage(happened: (kind: number, wakes: boolean) => void): () => void {
  if (typeof window === 'undefined' || typeof document === 'undefined') return () => undefined
  const stop: (() => void)[] = []
  const listen = (target: EventTarget, event: string, listener: (event: Event) => void) => {
    target.addEventListener(event, listener)
    stop.push(() => target.removeEventListener(event, listener))
  }
  listen(window, 'pagehide', () => happened(Lifecycle.hidden, false))
  listen(window, 'pageshow', (event) => {
    if ((event as PageTransitionEvent).persisted) happened(Lifecycle.shown, true)
  })
  listen(document, 'freeze', () => happened(Lifecycle.frozen, false))
  listen(document, 'resume', () => happened(Lifecycle.resumed, true))
  listen(window, 'online', () => happened(Lifecycle.online, false))
  return () => {
    for (const each of stop) each()
  }
}
