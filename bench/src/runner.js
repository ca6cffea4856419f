// Runs one measure: contestants take turns within a round, rounds follow one another, and every
// value is kept with its round so that ratios compare figures of the same minute.
import { CONTESTANTS } from './contestants.js'

/** A contestant that failed this often in a row is not tried again in that measure. */
const FAILURES_IN_ROW_MAX = 3

/**
 * @typedef {object} Sample
 * @property {string} row
 * @property {string} contestant
 * @property {string} [variant]
 * @property {number} round
 * @property {number} value
 *
 * @typedef {object} Failure
 * @property {string} measure
 * @property {string} contestant
 * @property {string} [variant]
 * @property {number} round
 * @property {string} message
 */

/**
 * @param {import('./measures/measure.js').Measure} measure
 * @param {{ lab: object, quick: boolean, rounds?: number, contestants?: string[],
 *           unavailable: Map<string, string>, deadline: number }} options
 * @returns {Promise<{ samples: Sample[], failures: Failure[], rounds: number, planned: number }>}
 */
export async function runMeasure(measure, options) {
  const planned = options.rounds ?? (options.quick ? measure.rounds.quick : measure.rounds.full)
  const result = { samples: [], failures: [], rounds: 0, planned }
  const fail = (entry, round, error) => {
    const { contestant, variant } = entry
    const message = String(error.message ?? error).split('\n')[0]
    result.failures.push({ measure: measure.title, contestant, variant, round, message })
    process.stderr.write(`  ${contestant} ${variant ?? ''} round ${round}: ${message}\n`)
  }

  const entries = []
  const servers = new Map()
  for (const entry of measure.entries) {
    if (options.contestants && !options.contestants.includes(entry.contestant)) continue
    const why = entry.serverless ? undefined : options.unavailable.get(entry.contestant)
    if (why) fail(entry, 0, new Error(why))
    else entries.push({ ...entry, failuresInRow: 0 })
  }
  const served = entries.filter(({ serverless }) => !serverless)
  for (const name of new Set(served.map(({ contestant }) => contestant))) {
    const { startServer } = CONTESTANTS.find((contestant) => contestant.name === name)
    try {
      servers.set(name, await startServer())
    } catch (error) {
      for (const entry of entries.filter(({ contestant }) => contestant === name)) {
        fail(entry, 0, error)
      }
    }
  }

  const deadline = Math.min(Date.now() + measure.budgetMs, options.deadline)
  try {
    for (let round = measure.warmUp ? 0 : 1; round <= planned && Date.now() < deadline; round += 1) {
      for (const entry of rotated(entries, round)) {
        const server = servers.get(entry.contestant)
        if (!server && !entry.serverless) continue
        if (entry.failuresInRow >= FAILURES_IN_ROW_MAX || Date.now() > deadline) continue
        const module = CONTESTANTS.find(({ name }) => name === entry.contestant)?.module
        const context = { lab: options.lab, quick: options.quick, server: server?.url, module }
        try {
          const values = await limited(measure.run(context, entry), measure.runMsMax)
          entry.failuresInRow = 0
          for (const [row, value] of Object.entries(values)) {
            if (round === 0) continue
            const { contestant, variant } = entry
            result.samples.push({ row, contestant, variant, round, value })
          }
        } catch (error) {
          entry.failuresInRow += 1
          fail(entry, round, error)
          await options.lab.discardPages()
        }
      }
      result.rounds = round
      process.stderr.write('.')
    }
  } finally {
    process.stderr.write('\n')
    for (const server of servers.values()) await server.stop()
  }
  return result
}

/** Each round another contestant begins, so that none is always the one after the heaviest. */
function rotated(entries, round) {
  const shift = round % entries.length
  return [...entries.slice(shift), ...entries.slice(0, shift)]
}

function limited(promise, ms) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not finished after ${ms / 1000} s`)), ms)
  })
  promise.catch(() => {}) // It may still fail after it was given up.
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
