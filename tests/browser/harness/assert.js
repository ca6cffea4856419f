// The assertions of P2, honest delivery, that many tests share.
import assert from 'node:assert/strict'

/** `numbers` rises strictly: nothing doubled, nothing out of order. */
export function assertOnceInOrder(numbers, what = 'messages') {
  for (let index = 1; index < numbers.length; index += 1) {
    const [before, now] = [numbers[index - 1], numbers[index]]
    assert.ok(now > before, `${what}: ${now} came after ${before} (at ${index} of ${numbers.length})`)
  }
}

/** Exactly 0 .. count - 1, once each, in order. */
export function assertAll(numbers, count, what = 'messages') {
  assertOnceInOrder(numbers, what)
  assert.equal(numbers.length, count, `${what}: count received; first missing is ${firstMissing(numbers)}`)
}

const firstMissing = (numbers) => {
  const got = new Set(numbers)
  let n = 0
  while (got.has(n)) n += 1
  return n
}

/**
 * The outcomes of numbered sends to one peer, against what that peer received: resolved means received, nothing is
 * pending, each rejection is typed and says `not-sent` or `unknown`, and what was `not-sent` did not arrive.
 */
export function assertHonest(outcomes, received) {
  const numbered = outcomes.filter(({ label }) => /^\d+$/.test(label))
  const got = new Set(received)
  const tally = { resolved: 0, notSent: 0, unknown: 0 }
  for (const { label, state, error } of numbered) {
    assert.notEqual(state, 'pending', `send ${label} is still pending`)
    if (state === 'resolved') {
      assert.ok(got.has(Number(label)), `send ${label} resolved but was not received`)
      tally.resolved += 1
      continue
    }
    assert.ok(error.mesh, `send ${label} rejected with something else than a MeshError: ${JSON.stringify(error)}`)
    assert.ok(['not-sent', 'unknown'].includes(error.delivery), `send ${label} says delivery ${error.delivery} (${error.code})`)
    if (error.delivery === 'not-sent') assert.ok(!got.has(Number(label)), `send ${label} says not-sent but arrived`)
    tally[error.delivery === 'not-sent' ? 'notSent' : 'unknown'] += 1
  }
  return tally
}

/** A MeshError with one of these codes. */
export function assertCode(error, ...codes) {
  assert.ok(error, 'there was no error')
  assert.ok(error.mesh, `not a MeshError: ${JSON.stringify(error)}`)
  assert.ok(codes.includes(error.code), `code ${error.code}, expected ${codes.join(' or ')}: ${error.message}`)
}
