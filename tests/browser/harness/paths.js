// Where the built product lies. The suite tests what `cargo xtask build` left, never a build of its own.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../../../', import.meta.url)

const built = (variable, relative) => process.env[variable] ?? fileURLToPath(new URL(relative, root))

export const paths = {
  server: built('MESHLACE_SERVER', 'target/release/meshlace'),
  dist: built('MESHLACE_DIST', 'packages/meshlace/dist'),
  page: fileURLToPath(new URL('../page', import.meta.url)),
  artifacts: fileURLToPath(new URL('../.artifacts', import.meta.url)),
  chromium: process.env.MESHLACE_CHROMIUM ?? '/usr/bin/chromium',
  firefox: process.env.MESHLACE_FIREFOX ?? '/usr/bin/firefox-esr',
}

/** Fails with the command that helps when something the suite needs is not there. */
export function requireBuilt(path, remedy) {
  if (!existsSync(path)) throw new Error(`${path} is not there: ${remedy}`)
  return path
}
