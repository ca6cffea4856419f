// Turns samples into the table people read and the object that is stored.
import { OURS } from './contestants.js'
import { ratio, summary } from './statistics.js'

/**
 * @param {import('./measures/measure.js').Measure} measure
 * @param {Awaited<ReturnType<import('./runner.js').runMeasure>>} result
 */
export function evaluate(measure, result) {
  const contestants = [...new Set(measure.entries.map(({ contestant }) => contestant))]
  const rows = measure.rows.map((row) => {
    const figures = {}
    for (const contestant of contestants) {
      figures[contestant] = bestVariant(row, contestant, measure.entries, result)
    }
    const ratios = {}
    for (const contestant of contestants) {
      if (contestant === OURS || !figures[OURS].rounds.size) continue
      ratios[contestant] = ratio(figures[OURS].rounds, figures[contestant].rounds)
    }
    const verdicts = row.goals.map((goal) => judge(goal, row, figures, ratios))
    return { row, figures, ratios, verdicts }
  })
  return { title: measure.title, contestants, rows, result }
}

/** Of several variants of one contestant the one with the best median speaks for it. */
function bestVariant(row, contestant, entries, { samples, failures }) {
  const variants = entries
    .filter((entry) => entry.contestant === contestant)
    .map(({ variant }) => {
      const own = samples.filter(
        (sample) =>
          sample.row === row.id && sample.contestant === contestant && sample.variant === variant,
      )
      const failed = failures.filter(
        (failure) => failure.contestant === contestant && failure.variant === variant,
      )
      const rounds = new Map(own.map(({ round, value }) => [round, value]))
      return { variant, rounds, failed: failed.length, ...summary([...rounds.values()]) }
    })
  const sign = row.better === 'higher' ? -1 : 1
  const rank = ({ median }) => (median === undefined ? Infinity : sign * median)
  return variants.sort((a, b) => rank(a) - rank(b))[0]
}

function judge({ against, atMost, atLeast }, row, figures, ratios) {
  const value = against ? ratios[against] : figures[OURS].median
  const limit = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`
  const goal = against ? `${limit}x ${against}` : `${limit} ${row.unit}`
  if (value === undefined) return { goal, verdict: 'not measured' }
  const reached = atMost === undefined ? value >= atLeast : value <= atMost
  const shown = against ? `${number(value)}x` : `${number(value)} ${row.unit}`
  return { goal, verdict: reached ? 'pass' : `not reached: ${shown}` }
}

/** Markdown: what it prints is what the README quotes. */
export function table({ contestants, rows }) {
  const others = contestants.filter((contestant) => contestant !== OURS)
  const header = ['what', ...contestants, ...others.map((name) => `to ${name}`), 'goal', 'reached']
  const lines = rows.map(({ row, figures, ratios, verdicts }) => [
    `${row.label} (${row.unit})`,
    ...contestants.map((contestant) => cell(figures[contestant])),
    ...others.map((name) => (ratios[name] === undefined ? '-' : `${number(ratios[name])}x`)),
    verdicts.map(({ goal }) => goal).join('; ') || '-',
    verdicts.map(({ verdict }) => verdict).join('; ') || '-',
  ])
  return layOut([header, ...lines])
}

function cell({ median, low, high, count, variant, failed }) {
  const failures = failed > 0 ? ` [${failed} failed]` : ''
  if (median === undefined) return failed > 0 ? `failed${failures}` : 'not run'
  const spread = count > 1 ? ` (${number(low)}-${number(high)})` : ''
  return `${number(median)}${spread}${variant ? ` ${variant}` : ''}${failures}`
}

/** Three significant digits, and thousands in full. */
export function number(value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

function layOut(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)))
  const format = (line) => `| ${line.map((text, column) => text.padEnd(widths[column])).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [format(lines[0]), rule, ...lines.slice(1).map(format)].join('\n')
}

/** What failed, one line per contestant and cause. */
export function failureLines(evaluations) {
  const counted = new Map()
  for (const { result } of evaluations) {
    for (const { measure, contestant, variant, message } of result.failures) {
      const line = `${measure}: ${contestant}${variant ? ` ${variant}` : ''}: ${message}`
      counted.set(line, (counted.get(line) ?? 0) + 1)
    }
  }
  return [...counted].map(([line, count]) => (count > 1 ? `${line} (${count} times)` : line))
}
