// The one interface through which every contestant is driven. A subject is a page module that
// exports `name`, `join` and, where importing it is not all of loading it, `load`; nothing else in the benchmark knows whose code it runs.

/**
 * @typedef {object} JoinOptions
 * @property {string} server address of the contestant's own signalling server
 * @property {string} room a name nobody used before
 * @property {string} id this page's name in the room, `<index>`
 * @property {number} index 0 for the first page; pages may join at the same instant
 * @property {number} [frameBytes] size of one channel message, for subjects that cut bulk themselves
 *
 * @typedef {object} Events
 * @property {(peer: object) => void} open a message may be sent to `peer` from now on
 * @property {(peer: object, data: string | ArrayBuffer | Uint8Array) => void} message
 *
 * @typedef {object} Session
 * @property {(peer: object, text: string) => void} send hands one small message over
 * @property {(peer: object) => Promise<unknown> | undefined} ready undefined, or when to go on sending
 * @property {(peer: object, bytes: Uint8Array) => Promise<void>} sendBytes hands one large message
 *   over; resolves when the next may follow
 * @property {() => Promise<void>} settled resolves when the subject holds everything for delivered;
 *   at once for those that cannot tell
 * @property {() => void | Promise<void>} leave
 *
 * @typedef {(options: JoinOptions, events: Events) => Promise<Session>} Join resolves when the server
 *   has admitted the page
 */

export {}
