// Looking at what pages hold of a ledger.
import assert from 'node:assert/strict'

/** Waits until all pages hold the same blocks, `count` texts among them, and the same state. */
export async function converged(pages, count, within) {
  const start = Date.now()
  for (const page of pages) {
    await page.until(`${count} texts`, within, (lab, wanted) => lab.held().count === wanted, count)
  }
  const ms = Date.now() - start
  const [first, ...others] = await Promise.all(pages.map((page) => page.run((lab) => lab.held())))
  for (const other of others) assert.deepEqual(other, first)
  return { ms, ...first }
}

/** Waits until all blocks that a page holds, save void ones, are on its disk. */
export const stored = (page) =>
  page.until('all is on disk', 10_000, async (lab) => {
    // A key ends with the id of its block.
    const keys = Object.keys((await lab.disk()).blocks)
    const ids = new Set(keys.map((key) => key.slice(-64)))
    const hex = (id) => [...atob(id.replaceAll('-', '+').replaceAll('_', '/'))].map((char) => char.charCodeAt(0).toString(16).padStart(2, '0')).join('')
    for await (const { id } of lab.room().ledger.blocks()) if (!ids.has(hex(id))) return false
    return true
  })
