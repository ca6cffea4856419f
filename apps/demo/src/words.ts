// What went wrong, and what to do next, in one place and in the page's own words.

import { MeshError, type MeshErrorCode } from 'meshlace'

/** A failure as the page shows it. */
export interface Failure {
  title: string
  /** What to do next. */
  next: string
  /** The code, for whoever asks for help. */
  code: string
  /** Trying the same again may help. */
  retry: boolean
}

const failures: Partial<Record<MeshErrorCode, Omit<Failure, 'code'>>> = {
  InvalidAddress: {
    title: 'This address opens no room',
    next: 'A part of it may be missing. Ask for it again, or open a new room.',
    retry: false,
  },
  ServerUnreachable: {
    title: 'The server cannot be reached',
    next: 'Check that it is running and that this device is online.',
    retry: true,
  },
  VersionMismatch: {
    title: 'The server speaks another version',
    next: 'Reload the page. If that does not help, the server is older or newer than this page.',
    retry: true,
  },
  ServerProtocol: {
    title: 'This is not a Meshlace server',
    next: 'Something else answers at this address. Check the part after the @.',
    retry: true,
  },
  ServerRefused: {
    title: 'The server refused this browser',
    next: 'Reload the page to knock with a fresh key.',
    retry: true,
  },
  RoomFull: {
    title: 'The room is full',
    next: 'Try again when somebody has left.',
    retry: true,
  },
  RateLimited: {
    title: 'Too many connections from here',
    next: 'The server limits each address. Wait a minute, then try again.',
    retry: true,
  },
  NoWebRtc: {
    title: 'This browser has no WebRTC',
    next: 'It is switched off or missing. Open the address in Chromium, Chrome, Edge or Firefox.',
    retry: false,
  },
  Replaced: {
    title: 'This room is open somewhere newer',
    next: 'A later start of this same peer took its place. Close this page, or join again from here.',
    retry: true,
  },
  RoomClosed: {
    title: 'The room is closed here',
    next: 'Join again to talk on.',
    retry: true,
  },
}

/** Says why the room could not be opened, or was closed. */
export function failure(error: unknown): Failure {
  if (error instanceof MeshError) {
    const known = failures[error.code]
    if (known !== undefined) return { ...known, code: error.code }
    return { title: 'The room cannot be opened', next: `${sentence(error.message)} Try again.`, code: error.code, retry: true }
  }
  return {
    title: 'The page could not start',
    next: `${sentence(String((error as Error)?.message ?? error))} Reload the page.`,
    code: (error as Error)?.name ?? 'Error',
    retry: true,
  }
}

/** Why the browser keeps nothing, and what that means for what is done here. */
export const unkept: Partial<Record<MeshErrorCode, string>> = {
  StorageRefused: 'This browser keeps nothing for this page, as in a private window. Changes last while a page of the room is open.',
  StorageFull: 'Storage is full: changes now last only while a page of the room is open. Free some space, then reload.',
}

/** Said where the ledger is not open yet. */
export const unopened = 'The founding block of this room is not here yet: it comes with the first person you meet, or with a file of the room.'

/** Said of an author who forked: its id would say nothing here, and the history marks it. */
export const forked = 'An author wrote two histories, as a copied profile does. What it wrote since is void; the history marks it.'

/** Said of a peer who wrote as such an author: its link is closed, and an honest page comes back by itself. */
export const forkerLeft = 'Somebody here wrote two histories, as a copied profile does: the link with them is closed. They can come back as another author.'

const undelivered: Partial<Record<MeshErrorCode, string>> = {
  PeerLeft: 'left before it arrived',
  PeerRestarted: 'reloaded the page before it arrived',
  PeerFrozen: 'was away for too long',
  QueueFull: 'has too much waiting already; send it again in a moment',
  Overloaded: 'cannot take more now; send it again in a moment',
  MessageTooLarge: 'cannot take messages of this size',
  RoomClosed: 'was not told: the room is closed',
  UnknownPeer: 'is not here any more',
}

/** Completes "Ada ...": why a message did not arrive. */
export function undeliveredBecause(error: unknown): string {
  if (!(error instanceof MeshError)) return `did not get it: ${String((error as Error)?.message ?? error)}`
  const reason = undelivered[error.code] ?? `did not get it: ${error.message}`
  return error.delivery === 'unknown' && error.code !== 'PeerLeft' ? `${reason} (it may have arrived)` : reason
}

/** Why a whole message was not sent. */
export function unsentBecause(error: unknown): string {
  if (error instanceof MeshError) {
    switch (error.code) {
      case 'MessageTooLarge': return 'Not sent: larger than 32 MB.'
      case 'QueueFull': return 'Not sent: too much is waiting already. Send it again in a moment.'
      case 'RoomClosed': return 'Not sent: the room is closed.'
    }
  }
  return `Not sent: ${sentence(String((error as Error)?.message ?? error))}`
}

/** Why the camera did not start, and what to do. */
export function cameraFailure(error: unknown): string {
  switch ((error as Error)?.name) {
    case 'NotAllowedError': return 'The camera is blocked for this page. Allow it in the address bar, then try again.'
    case 'NotFoundError':
    case 'OverconstrainedError': return 'No camera or microphone was found.'
    case 'NotReadableError': return 'Another program uses the camera. Close it, then try again.'
    case 'InsecureContext': return insecureCamera
    default: return `The camera did not start: ${sentence(String((error as Error)?.message ?? error))}`
  }
}

/** What a camera needs, said where the page does not have it. */
export const insecureCamera = 'Browsers give a camera only to HTTPS pages and to localhost. Serve with --tls-cert and --tls-key to share yours from here.'

/** Makes a sentence of an error's message. */
export function sentence(text: string): string {
  const trimmed = text.trim()
  if (trimmed === '') return 'No reason was given.'
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1)
  return /[.!?]$/.test(capital) ? capital : `${capital}.`
}
