// Pages that alter, repeat, forge and flood what they say of the ledger: the others keep their state, name the culprit and
// close its link.
import assert from 'node:assert/strict'
import { labTest } from '../harness/lab.js'
import { converged } from '../harness/ledger.js'

labTest('a page that alters its blocks is named and left; one that says everything twice changes nothing', { timeout: 60_000 }, async (lab) => {
  const server = await lab.server()
  const [a, b] = [await lab.page('chromium:one'), await lab.page('firefox:one')]
  const [altering, repeating] = [await lab.page('chromium:two', { before: ['blocks'] }), await lab.page('chromium:two', { before: ['blocks'] })]
  const pages = [a, b, altering, repeating]
  const address = await a.create(server)
  await Promise.all(pages.map((page) => page.join(address)))
  await Promise.all(pages.map((page) => page.linkedTo(...pages.filter((other) => other !== page))))
  for (const page of pages) await page.run((lab) => lab.write('text', 20, { apart: true }))
  await converged(pages, 80, 10_000)
  await repeating.run((lab) => {
    globalThis.hostile = 'replay'
    return lab.write('again', 20, { apart: true })
  })
  await converged(pages, 100, 10_000)
  await altering.run((lab) => {
    globalThis.hostile = 'alter'
    return lab.write('poison', 1)
  })
  for (const page of [a, b]) {
    const { error } = await page.until(
      'the culprit is named',
      10_000,
      (lab, id) => lab.of('error').find(({ error }) => error.peer === id),
      altering.id,
    )
    assert.equal(error.code, 'BlockRefused')
    await page.until('it is left', 10_000, (lab, id) => lab.of('peerleave').some(({ peer }) => peer === id), altering.id)
  }
  // The others go on.
  await a.run((lab) => lab.write('a-after', 10))
  await b.run((lab) => lab.write('b-after', 10))
  const { state } = await converged([a, b], 120, 10_000)
  assert.ok(!/poison|qoison/.test(state))
})

/** A page that speaks the protocol by hand, joined and linked with all. Says `payloads`, each one message of the ledger. */
async function stranger(lab, address, pages) {
  const page = await lab.page('chromium:two', { before: ['blake3', 'stranger'] })
  await page.join(address)
  await Promise.all(pages.flatMap((other) => [page.linkedTo(other), other.linkedTo(page)]))
  /** To one page alone, or to all. */
  page.tell = (to, make, ...given) =>
    page.run(async (lab, id, source, given) => {
      const { stranger } = globalThis
      const made = await new Function(`return (${source})`)()(stranger, ...given)
      const from = stranger.payloads.push(...made) - made.length
      for (let n = from; n < stranger.payloads.length; n += 1) {
        const hearers = id === null ? lab.room() : lab.room().peers.get(id)
        hearers.send(`HOSTILE ${n}`).catch(() => {})
        await new Promise((resolve) => setTimeout(resolve))
      }
    }, to?.id ?? null, make.toString(), given)
  page.say = (make, ...given) => page.tell(undefined, make, ...given)
  return page
}

/** The page names `culprit` and is linked with it no more. Resolves to the error. */
async function leaves(page, culprit) {
  const { error } = await page.until('the culprit is named', 10_000, (lab, id) => lab.of('error').find(({ error }) => error.peer === id), culprit.id)
  await page.until('it is left', 10_000, (lab, id) => lab.of('peerleave').some(({ peer }) => peer === id), culprit.id)
  return error
}

/** The pages name `culprit` and the rule, and are linked with it no more; their state is what it was. */
async function culpritIsLeft(pages, culprit, expected, state) {
  for (const page of pages) {
    const { code, expected: rule } = await leaves(page, culprit)
    assert.deepEqual([code, rule], ['BlockRefused', expected])
    assert.deepEqual(await page.run((lab) => lab.held()), state)
  }
}

labTest('a page that forges blocks in the name of others is named and left', { timeout: 90_000 }, async (lab) => {
  const { address, pages } = await lab.mesh('chromium:one', 'firefox:one')
  const [a] = pages
  for (const page of pages) await page.run((lab) => lab.write('text', 10, { apart: true }))
  let { ms: _, ...before } = await converged(pages, 20, 5_000)
  // What follows is refused for its lie alone: a true block of a stranger is taken.
  const honest = await stranger(lab, address, pages)
  await honest.say(async ({ key, credential, block, page, payload }) => {
    const [member, author] = [await key(), await key()]
    return [page([await block({ author: author.id, credential: await credential(member, author), payload, signer: author })])]
  })
  for (const page of pages) await page.until('the block of a stranger', 5_000, (lab, length) => lab.room().ledger.length === length, before.length + 1)
  await honest.leave()
  before = await a.run((lab) => lab.held())
  const victim = await a.run(async (lab) => {
    const blocks = []
    for await (const { author, member, id, seq, height } of lab.room().ledger.blocks()) blocks.push({ author, member, id, seq, height })
    return blocks.filter(({ member }) => member === lab.room().ledger.member).at(-1)
  })

  const asAuthor = await stranger(lab, address, pages)
  await asAuthor.say(async ({ key, block, page, payload, bytes }, { author, id, seq, height }) => {
    const own = await key()
    return [page([await block({ author: bytes(author), seq: seq + 1, prev: bytes(id), height: height + 1, payload, signer: own })])]
  }, victim)
  await culpritIsLeft(pages, asAuthor, 'a signature by the author', before)

  const asMember = await stranger(lab, address, pages)
  await asMember.say(async ({ key, credential, block, page, payload, bytes }, { member }) => {
    const [own, author] = [await key(), await key()]
    const claim = await credential(own, author, bytes(member))
    return [page([await block({ author: author.id, credential: claim, payload, signer: author })])]
  }, victim)
  await culpritIsLeft(pages, asMember, 'a slot certified by its member', before)

  const unsigned = await stranger(lab, address, pages)
  await unsigned.say(async ({ key, credential, block, page, payload }) => {
    const [member, author] = [await key(), await key()]
    return [page([await block({ author: author.id, credential: await credential(member, author), payload })])]
  })
  await culpritIsLeft(pages, unsigned, 'a signed block at the end of a run', before)

  for (const page of pages) {
    assert.deepEqual(await page.run((lab) => lab.of('error').filter(({ error }) => error.code !== 'BlockRefused')), [])
    await page.run((lab) => lab.write('after', 5))
  }
  await converged(pages, 30, 5_000)
})

//
labTest('a page that writes two histories is named and left by those to whom it wrote; whoever relays them is not', { timeout: 90_000 }, async (lab) => {
  const { address, pages } = await lab.mesh('chromium:one', 'firefox:one', 'chromium:two')
  const [a, b, c] = pages
  for (const page of pages) await page.run((lab) => lab.write('text', 10, { apart: true }))
  const { state, length } = await converged(pages, 30, 5_000)
  const forker = await stranger(lab, address, pages)
  // One history for one page, another for the second, and nothing for the third.
  await forker.tell(a, async ({ key, credential, block, page, cbor, payload }) => {
    const [member, author] = [await key(), await key()]
    const first = await block({ author: author.id, credential: await credential(member, author), payload, signer: author })
    const after = { author: author.id, seq: 1, prev: first.id, height: 2, signer: author }
    const histories = [payload, cbor([1, [['other', ['type']]], [0], ['y']])]
    globalThis.forked = await Promise.all(histories.map(async (payload) => page([first, await block({ ...after, payload })])))
    return [globalThis.forked[0]]
  })
  await forker.tell(b, () => [globalThis.forked[1]])
  const told = []
  for (const page of [a, b]) {
    const { code, expected, found } = await leaves(page, forker)
    assert.deepEqual([code, expected], ['AuthorForked', 'one history of an author'])
    told.push(found)
  }
  assert.equal(told[0], told[1])
  // The third knows of it too, from the others, whom nobody blames; it leaves who writes to it as that author.
  await c.until('the fork is told', 10_000, (lab, author) => lab.of('error').some(({ error }) => error.found === author), told[0])
  await forker.tell(c, () => [globalThis.forked[0]])
  assert.equal((await leaves(c, forker)).found, told[0])
  for (const page of pages) {
    assert.ok(await page.run((lab, author) => lab.room().ledger.forkProof(author).length > 100, told[0]))
    const others = pages.filter((other) => other !== page).map(({ id }) => id)
    const blamed = await page.run((lab, ids) => [...lab.of('error').map(({ error }) => error), ...lab.of('peerleave')].filter(({ peer }) => ids.includes(peer)), others)
    assert.deepEqual(blamed, [])
    // Beside what was there: the first block, which is good, and the evidence of the fork.
    await page.until('the evidence', 5_000, (lab, length) => lab.room().ledger.length >= length, length + 2)
    assert.equal(await page.run((lab) => lab.held().state), state)
  }
  for (const page of pages) await page.run((lab) => lab.write('after', 5))
  await converged(pages, 45, 5_000)
})

// Whoever withholds what its blocks stand on, or asks without end, is not at fault: a path may be slow, a page closed. It
// gets no more than its share, and is left for the first thing it says that is false.
labTest('a page that floods the others costs them little, and is left for the first false word', { timeout: 90_000 }, async (lab) => {
  const { address, pages } = await lab.mesh('chromium:one', 'firefox:one')
  const flooding = await stranger(lab, address, pages)
  const flood = flooding.say(async ({ key, credential, block, page, cbor, payload }) => {
    const made = []
    // More blocks than may wait, of a few authors, all above one that nobody has; each run is well signed.
    for (let n = 0; n < 12; n += 1) {
      const [member, author] = [await key(), await key()]
      let before
      for (let run = 0; run < 12; run += 1) {
        const blocks = []
        for (let at = 0; at < 30; at += 1) {
          const seq = run * 30 + at
          const first = seq === 0 && { credential: await credential(member, author), parents: [new Uint8Array(32).fill(0xee)] }
          before = await block({ author: author.id, seq, prev: before?.id ?? null, height: seq + 2, payload, signer: at === 29 && author, ...first })
          blocks.push(before)
        }
        made.push(page(blocks))
      }
    }
    // And questions in between, each answered with a frontier.
    return made.flatMap((message) => [message, ...Array.from({ length: 10 }, () => cbor([0, crypto.getRandomValues(new Uint8Array(32))]))])
  })
  for (const page of pages) await page.run((lab) => lab.write('meanwhile', 100, { apart: 10 }))
  await flood
  const { ms } = await converged(pages, 200, 5_000)
  assert.ok(ms < 5_000, `${ms} ms`)
  const held = await pages[0].run((lab) => lab.held())
  assert.equal(held.length, (await pages[1].run((lab) => lab.held())).length)
  for (const page of pages) assert.deepEqual(await page.run((lab) => lab.of('error')), [])
  await flooding.say(({ cbor }) => [cbor([9, 1])])
  await culpritIsLeft(pages, flooding, 'a record in its one encoding', held)
  // What waited in vain is forgotten with the link, and the room goes on.
  for (const page of pages) await page.run((lab) => lab.write('after', 5))
  await converged(pages, 210, 5_000)
})
