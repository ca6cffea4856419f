// Runs every suite in real browsers. The suites that wait long come first, so that the others fill the time meanwhile.
// Usage: npm test [-- name ...]   e.g. `npm test -- pairs mesh`
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const SLOW_FIRST = ['machine', 'asleep', 'network', 'leaving']
// Two cores: three files at a time, of which the slow ones mostly wait.
const CONCURRENCY = 3

const folder = fileURLToPath(new URL('suites/', import.meta.url))
const names = readdirSync(folder).filter((name) => name.endsWith('.test.js')).map((name) => name.slice(0, -'.test.js'.length))
const asked = process.argv.slice(2)
const rank = (name) => (SLOW_FIRST.includes(name) ? SLOW_FIRST.indexOf(name) : SLOW_FIRST.length)
const chosen = (asked.length > 0 ? asked : names).toSorted((one, other) => rank(one) - rank(other))

const unknown = chosen.filter((name) => !names.includes(name))
if (unknown.length > 0) {
  console.error(`no suite named ${unknown.join(', ')}; there are ${names.join(', ')}`)
  process.exit(2)
}

const { status } = spawnSync(
  process.execPath,
  ['--test', '--test-reporter=tap', `--test-concurrency=${CONCURRENCY}`, ...chosen.map((name) => `${folder}${name}.test.js`)],
  { stdio: 'inherit' },
)
process.exit(status ?? 1)
