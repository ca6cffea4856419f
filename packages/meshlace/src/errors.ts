/** The one error class of the package, and the codes it can carry. */
import {
  ActionsMalformed,
  Cancelled,
  InternalFault,
  LedgerNotReady,
  MessageTooLarge,
  NotAllowed,
  NoWebRtc,
  QueueFull,
  RoomClosed,
  StorageFull,
  StorageRefused,
  type MeshErrorCode,
} from '../generated/errors.js'

export type { MeshErrorCode }

/** What is known of a message that could not be confirmed. */
export type Delivery = 'not-sent' | 'unknown'

/** What an error knows beyond its code. */
export interface MeshErrorDetails {
  /** What a person reads; the code's own sentence if not given. */
  message?: string | undefined
  /** What became of the message, where there was one. */
  delivery?: Delivery | undefined
  /** Which peer it is about. */
  peer?: string | undefined
  /** What was expected. */
  expected?: string | undefined
  /** What was found. */
  found?: string | undefined
  /** The limit that was met, in the unit the code speaks of. */
  limit?: number | undefined
  /** What lies beneath. */
  cause?: unknown
}

/** Why something could not be done. Decide by `code`: messages may change, codes may not. */
export class MeshError extends Error {
  /** Why, as one of a closed set of codes. */
  readonly code: MeshErrorCode
  /** What became of the message, where there was one: not a byte was sent, or nobody knows. */
  readonly delivery: Delivery | undefined
  /** Which peer it is about. */
  readonly peer: string | undefined
  /** What was expected. */
  readonly expected: string | undefined
  /** What was found. */
  readonly found: string | undefined
  /** The limit that was met, in the unit the code speaks of. */
  readonly limit: number | undefined

  constructor(code: MeshErrorCode, details: MeshErrorDetails = {}) {
    super(
      details.message ?? SENTENCES[code] ?? code,
      details.cause === undefined ? undefined : { cause: details.cause },
    )
    this.name = 'MeshError'
    this.code = code
    this.delivery = details.delivery
    this.peer = details.peer
    this.expected = details.expected
    this.found = details.found
    this.limit = details.limit
  }
}

/** What a person reads of the errors made here with no words of their own; others come with theirs. */
const SENTENCES: Partial<Record<MeshErrorCode, string>> = {
  ActionsMalformed,
  Cancelled,
  InternalFault,
  LedgerNotReady,
  MessageTooLarge,
  NotAllowed,
  NoWebRtc,
  QueueFull,
  RoomClosed,
  StorageFull,
  StorageRefused,
}
