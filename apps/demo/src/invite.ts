// The address that others open, and where a phone finds it.

import { signal } from '@preact/signals'

/** What the server says of its own addresses. */
interface Addresses { lan?: string[] }

export interface Invite {
  address: string
  /** Who can open it. */
  reach: 'anyone' | 'network' | 'device'
  /** Whether a phone that opens it may use its camera. */
  camera: boolean
}

export const invite = signal<Invite | null>(null)

/** Finds the address to share. Asks the server for its address in the local network where the page was opened on localhost. */
export async function prepareInvite(address: string): Promise<void> {
  const local = isLocal(location.hostname)
  invite.value = { address, reach: local ? 'device' : 'anyone', camera: location.protocol === 'https:' }
  if (!local) return
  try {
    const answer = await fetch('/meshlace/addresses', { signal: AbortSignal.timeout(3_000) })
    const { lan } = (await answer.json()) as Addresses
    const origin = Array.isArray(lan) ? lan.find(candidate => typeof candidate === 'string') : undefined
    if (!answer.ok || origin === undefined) return
    invite.value = { address: onHost(address, origin), reach: 'network', camera: origin.startsWith('https:') }
  } catch {
    // An older server, or one that listens on this machine alone: the address of the page stays.
  }
}

/** Copies text. Clipboards want HTTPS or localhost; the old way works without. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const field = document.createElement('textarea')
    field.value = text
    field.style.position = 'fixed'
    field.style.opacity = '0'
    document.body.append(field)
    field.select()
    const done = document.execCommand('copy')
    field.remove()
    return done
  }
}

/** Whether a host name means this machine. */
export function isLocal(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127\./.test(host)
}

/** The same room on another origin of the same server. */
function onHost(address: string, origin: string): string {
  const url = new URL(address)
  const other = new URL(origin)
  // A server named in the fragment would send the phone to its own localhost.
  const fragment = url.hash.replace(/@(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/, '')
  return `${other.origin}${url.pathname}${url.search}${fragment}`
}
