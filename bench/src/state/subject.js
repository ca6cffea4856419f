// What each contestant of the state measures is to the page: a map of a hundred keys that is edited in
// small steps and shows the same on every page. This file holds types only.

/**
 * @typedef {object} Replica
 * @property {() => Promise<void>} linked another replica can be reached
 * @property {(step: number) => void} edit sets `keyOf(step)` to `step`, as one edit of its own
 * @property {(count: number) => void} together so many edits as one, where the contestant knows such
 * @property {() => void | Promise<void>} [flush] for those that do not send by themselves
 * @property {() => number} last the value of the key that the last edit sets
 * @property {(listener: () => void) => void} changed
 * @property {() => Promise<number>} sentBytes of all edits so far, as they went or would go to one peer
 * @property {() => Promise<void>} leave
 *
 * @typedef {object} Subject
 * @property {(count: number, fetchFile: () => Promise<Uint8Array>) => Promise<() => Promise<number>>} cold
 *   makes a history of `count` edits by ten authors ready, and returns what takes it in: timed by the
 *   harness. It resolves to the number of edits that are there afterwards.
 * @property {(options: { server?: string, room: string, index: number, stored?: boolean }) =>
 *   Promise<Replica>} open
 */

/** Edits go round among these, so that no contestant's map grows. */
const KEYS = 100

export const keyOf = (step) => `k${step % KEYS}`

export const AUTHORS = 10
