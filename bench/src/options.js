// The command line: `--quick`, `--only join,bulk`, `--rounds 3`.
import { parseArgs } from 'node:util'

export const GROUPS = ['size', 'join', 'messages', 'bulk', 'state', 'idle']

export const USAGE = `npm run bench -- [--quick] [--only ${GROUPS.join(',')}] [--contestants A,B] [--rounds N]`

/** @param {string[]} argv */
export function parseOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      contestants: { type: 'string' },
      rounds: { type: 'string' },
    },
  })
  const only = values.only?.split(',') ?? GROUPS
  const unknown = only.filter((group) => !GROUPS.includes(group))
  if (unknown.length > 0) throw new Error(`unknown measure ${unknown.join(', ')}\n${USAGE}`)
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  if (rounds !== undefined && !(rounds >= 1)) throw new Error(`--rounds wants a number\n${USAGE}`)
  return { quick: values.quick, only, contestants: values.contestants?.split(','), rounds }
}
