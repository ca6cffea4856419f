// What a measure is made of, and the small helpers they share.

/**
 * @typedef {object} Goal
 * @property {string} [against] contestant the ratio is taken with; without it the value itself counts
 * @property {number} [atMost]
 * @property {number} [atLeast]
 *
 * @typedef {object} Row one line of the table
 * @property {string} id
 * @property {string} label
 * @property {string} unit
 * @property {'lower' | 'higher'} better
 * @property {Goal[]} goals
 *
 * @typedef {object} Entry
 * @property {string} contestant
 * @property {string} [variant] several entries of one contestant: the best variant counts
 * @property {object} [options] for the subject's `join`
 * @property {boolean} [serverless] the runner starts no server for it; the measure does, if any
 *
 * @typedef {object} Measure
 * @property {string} group what `--only` selects
 * @property {string} title
 * @property {Row[]} rows
 * @property {Entry[]} entries
 * @property {{ full: number, quick: number }} rounds
 * @property {boolean} [warmUp] one round before the first is not counted: a browser's first
 *   connection costs a quarter of a second more than its second, whoever makes it
 * @property {number} budgetMs no further run starts after this
 * @property {number} runMsMax one run is given up after this
 * @property {(context: object, entry: Entry) => Promise<Record<string, number>>} run one value per row
 */

let rooms = 0

/** A room nobody used before, in this run or another. */
export function newRoom() {
  rooms += 1
  return `bench-${Date.now().toString(36)}-${rooms}`
}

/** An instant on the machine's clock at which pages shall act together. */
export const soon = () => Date.now() + START_TOGETHER_MS

/** Enough for the instruction to reach eight busy pages. */
const START_TOGETHER_MS = 150

/** After loading: lets the browser finish what a fresh page still does, outside the timed part. */
export const settle = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS))

const SETTLE_MS = 300

/** Opens the contestant's page in each of `processes` and hands the pages back. */
export async function freshPages({ lab, module }, processes) {
  const pages = await lab.pages(processes)
  await Promise.all(pages.map((page) => lab.load(page, module)))
  await settle()
  return pages
}

/** Calls `bench[method](argument)` in a page. */
export function call(page, method, argument) {
  return page.evaluate(([name, value]) => window.bench[name](value), [method, argument])
}

/** Leaves the room everywhere; throws what the pages noticed besides the measurement. */
export async function finish(pages) {
  const faults = await Promise.all(pages.map((page) => call(page, 'faults')))
  await Promise.all(pages.map((page) => call(page, 'leave')))
  const [fault] = faults.flat()
  if (fault) throw new Error(fault)
}

/** Two pages with a link between them, outside the timed part: `[sender, receiver]`. */
export async function linkedPair(context, entry, processes) {
  const [receiver, sender] = await freshPages(context, processes)
  const room = newRoom()
  const options = { server: context.server, room, ...entry.options }
  await call(receiver, 'join', { ...options, id: '0', index: 0, at: 0 })
  await call(sender, 'join', { ...options, id: '1', index: 1, at: 0 })
  await Promise.all([receiver, sender].map((page) => call(page, 'heard', { count: 1 })))
  return [sender, receiver]
}

/** One entry for each contestant. */
export const everyone = (names) => names.map((contestant) => ({ contestant }))
