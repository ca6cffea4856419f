// Medians and spreads. No means: one stalled run of a shared machine would decide them.

/** @param {number[]} values not empty */
export function quantile(values, fraction) {
  const sorted = [...values].sort((a, b) => a - b)
  const position = (sorted.length - 1) * fraction
  const below = Math.floor(position)
  const above = Math.ceil(position)
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below)
}

export const median = (values) => quantile(values, 0.5)

/** @param {number[]} values */
export function summary(values) {
  if (values.length === 0) return undefined
  return {
    median: median(values),
    low: Math.min(...values),
    high: Math.max(...values),
    count: values.length,
  }
}

/**
 * The median of the ratios taken round by round: both figures of a ratio then come from the same
 * minute of a machine whose load drifts.
 *
 * @param {Map<number, number>} ours round -> value
 * @param {Map<number, number>} theirs
 * @returns {number | undefined} undefined when no round has both
 */
export function ratio(ours, theirs) {
  const ratios = []
  for (const [round, value] of ours) {
    if (theirs.has(round)) ratios.push(value / theirs.get(round))
  }
  return ratios.length === 0 ? undefined : median(ratios)
}
