/** What both entry points have in common. */
export { MeshError } from './errors.js'
export type { Delivery, MeshErrorCode, MeshErrorDetails } from './errors.js'
export type * from './ledger/types.js'
export type * from './types.js'
