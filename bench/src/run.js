// `npm run bench`: every contestant, every measure, one table.
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { bundlePage, bundleStatePage, CONTESTANTS, OURS, STATE_SUBJECTS } from './contestants.js'
import { openLab } from './lab.js'
import { BULK } from './measures/bulk.js'
import { buildClients, IDLE } from './measures/idle.js'
import { JOIN } from './measures/join.js'
import { MESSAGES } from './measures/messages.js'
import { SIZE } from './measures/size.js'
import { HISTORY_FILE, prepareState, STATE } from './measures/state.js'
import { parseOptions } from './options.js'
import { evaluate, failureLines, table } from './report.js'
import { runMeasure } from './runner.js'

/** The whole run stops starting work after this; a run in progress has its own limit. */
const RUN_MS_MAX = 21 * 60_000

/** What no limit of a part has ended by then is ended here, with the tables made so far. */
const STOP_MS_MAX = RUN_MS_MAX + 60_000

const MEASURES = [...SIZE, ...JOIN, ...MESSAGES, ...BULK, ...STATE, ...IDLE]

async function main() {
  const options = parseOptions(process.argv.slice(2))
  if (options.only.includes('idle')) buildClients()
  if (options.only.includes('state')) prepareState()
  const startedAt = Date.now()
  const loadBefore = loadavg()
  const measures = MEASURES.filter(({ group }) => options.only.includes(group))

  const scripts = new Map()
  const unavailable = new Map()
  for (const contestant of CONTESTANTS) {
    try {
      scripts.set(contestant.module, await bundlePage(contestant))
    } catch (error) {
      unavailable.set(contestant.name, error.message)
    }
  }

  if (options.only.includes('state')) {
    for (const name of STATE_SUBJECTS) scripts.set(`state-${name}`, await bundleStatePage(name))
  }

  const evaluations = []
  setTimeout(() => {
    report(evaluations)
    console.error(`stopped after ${STOP_MS_MAX / 60_000} minutes`)
    process.exit(1)
  }, STOP_MS_MAX).unref()

  const lab = await openLab(scripts, new Map([['history', HISTORY_FILE]]))
  try {
    const deadline = startedAt + RUN_MS_MAX
    for (const measure of measures) {
      process.stderr.write(`${measure.title} `)
      const result = await runMeasure(measure, { ...options, lab, unavailable, deadline })
      const evaluation = evaluate(measure, result)
      evaluations.push(evaluation)
      process.stderr.write(`${table(evaluation)}\n`)
    }
  } finally {
    await lab.close()
    await rm(HISTORY_FILE, { force: true })
  }

  const machine = {
    cpu: `${cpus().length} x ${cpus()[0].model}`,
    browser: lab.browserVersion,
    node: process.version,
    load: { before: loadBefore, after: loadavg() },
  }
  report(evaluations)
  console.log(`\n${machine.cpu}, ${machine.browser}, Node ${machine.node}, load ${loadBefore[0]} to ${loadavg()[0]}`)
  console.log(`file: ${await store({ options, machine, startedAt, evaluations })}`)
  const missing = evaluations.some(({ rows }) => rows.some(({ figures }) => !figures[OURS].median))
  process.exitCode = missing ? 1 : 0
}

function report(evaluations) {
  for (const evaluation of evaluations) {
    const { title, result } = evaluation
    const rounds = `${result.rounds} of ${result.planned} rounds`
    console.log(`\n${title} (${result.rounds < result.planned ? `only ${rounds}` : rounds})\n`)
    console.log(table(evaluation))
  }
  const failures = failureLines(evaluations)
  if (failures.length > 0) console.log(`\nFailed:\n${failures.map((line) => `- ${line}`).join('\n')}`)
}

async function store({ options, machine, startedAt, evaluations }) {
  const directory = new URL('../results/', import.meta.url)
  await mkdir(directory, { recursive: true })
  const date = new Date(startedAt).toISOString()
  const measures = evaluations.map(({ title, rows, result }) => ({
    title,
    rounds: result.rounds,
    planned: result.planned,
    rows: rows.map(({ row, ratios, verdicts }) => ({ ...row, ratios, verdicts })),
    samples: result.samples,
    failures: result.failures,
  }))
  const file = new URL(`${date.replaceAll(':', '-').slice(0, 19)}.json`, directory)
  await writeFile(file, `${JSON.stringify({ date, options, machine, measures }, null, 2)}\n`)
  return file.pathname
}

await main()
