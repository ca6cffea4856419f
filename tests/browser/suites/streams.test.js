// Media on the same connection. Frames are counted where they are painted: a track that is "live" and black is a failure.
import assert from 'node:assert/strict'
import { labTest } from '../harness/lab.js'

/** Waits until `page` has painted `more` further frames of `label`, in `colour` when one is given. */
const frames = (page, label, more, { colour, within = 20_000, from } = {}) =>
  page.until(
    `${more} more frames of ${label}${colour ? ` in ${colour}` : ''}`,
    within,
    (lab, which, count, wanted, peer) => {
      const seen = lab.media.seen(which, peer ?? undefined)
      if (!seen) return false
      lab.marks ??= new Map()
      if (!lab.marks.has(seen)) lab.marks.set(seen, seen.frames)
      const done = seen.frames - lab.marks.get(seen) >= count && (!wanted || seen.colour === wanted)
      if (done) lab.marks.delete(seen)
      return done && { frames: seen.frames, colour: seen.colour, tracks: seen.tracks, peer: seen.peer }
    },
    label,
    more,
    colour ?? null,
    from?.id ?? null,
  )

const paint = (page, label, colour, options) =>
  page.run((lab, ...given) => void lab.room().addStream(lab.media.paint(...given), { label: given[0] }), label, colour, options ?? {})

for (const places of [['chromium:one', 'chromium:two'], ['chromium:one', 'firefox:one'], ['firefox:one', 'chromium:one']]) {
  const between = places.map((place) => place.split(':')[0]).join(' to ')

  labTest(`camera frames from ${between} are painted, with sound, and end when removed`, { timeout: 60_000 }, async (lab) => {
    const { pages: [a, b] } = await lab.mesh(...places)
    await a.run(async (lab) => void lab.room().addStream(await lab.media.camera('camera'), { label: 'camera' }))
    const seen = await frames(b, 'camera', 20)
    assert.deepEqual([seen.tracks, seen.peer], [['audio', 'video'], a.id])
    assert.equal(await b.run((lab, id) => lab.peerOf(id).streams.size, a.id), 1)
    await a.send({ kind: 'value', value: 'data beside video' })
    await b.got('data beside video')
    await a.run((lab) => lab.room().removeStream(lab.media.source('camera')))
    await b.until('the stream ends', 5_000, (lab) => lab.of('streamend').some(({ label }) => label === 'camera'))
  })
}

labTest('both sides add streams at the same instant, both are painted', { timeout: 60_000 }, async (lab) => {
  const { pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
  await Promise.all([paint(a, 'red', 'red'), paint(b, 'green', 'lime')])
  await Promise.all([frames(b, 'red', 15, { colour: 'red' }), frames(a, 'green', 15, { colour: 'green' })])
  for (const page of [a, b]) assert.deepEqual(await page.run((lab) => lab.of('error')), [])
})

/** What of a description fits one signal, as `docs/protocol.md` R-225 has it. Units: bytes. */
const SIGNAL_SDP_BYTES_MAX = 14 * 1024

labTest('three streams of each of two pages at once, in descriptions of more than one signal, are painted', { timeout: 60_000 }, async (lab) => {
  const server = await lab.server()
  const pages = [await lab.page('chromium:one', { before: ['descriptions'] }), await lab.page('chromium:two', { before: ['descriptions'] })]
  const [a, b] = pages
  const address = await a.create(server)
  const colours = { red: 'red', green: 'lime', blue: 'blue' }
  const add = (page) =>
    page.run((lab, given) => {
      for (const [label, colour] of Object.entries(given)) lab.room().addStream(lab.media.paint(label, colour, { audio: true }), { label })
    }, colours)
  // Before there is a link, so that all of it stands in the first description.
  for (const page of pages) await page.join(address)
  await Promise.all(pages.map(add))
  await Promise.all([a.linkedTo(b), b.linkedTo(a)])
  for (const page of pages) {
    for (const colour of Object.keys(colours)) {
      assert.equal((await frames(page, colour, 10, { colour, within: 30_000 })).tracks.length, 2, `${colour} at ${page.name}`)
    }
    assert.deepEqual(await page.run((lab) => lab.of('error')), [])
  }
  const longest = await Promise.all(pages.map((page) => page.run(() => globalThis.longestDescription)))
  assert.ok(Math.min(...longest) > SIGNAL_SDP_BYTES_MAX, `descriptions of ${longest} bytes fit one signal`)
  await a.send({ kind: 'value', value: 'data beside six videos' })
  await b.got('data beside six videos')
})

labTest('two streams of one peer keep their labels and pictures apart', { timeout: 60_000 }, async (lab) => {
  const { pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
  await a.run((lab) => {
    lab.room().addStream(lab.media.paint('red', 'red', { audio: true }), { label: 'red' })
    lab.room().addStream(lab.media.paint('blue', 'blue'), { label: 'blue' })
  })
  assert.equal((await frames(b, 'red', 10, { colour: 'red' })).tracks.length, 2)
  assert.equal((await frames(b, 'blue', 10, { colour: 'blue' })).tracks.length, 1)
  await a.run((lab) => lab.room().removeStream(lab.media.source('red')))
  await b.until('red ends', 5_000, (lab) => lab.of('streamend').some(({ label }) => label === 'red'))
  await frames(b, 'blue', 10, { colour: 'blue' })
})

labTest('a late joiner sees the streams that were there before', { timeout: 60_000 }, async (lab) => {
  const { address, pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
  await paint(a, 'red', 'red')
  await frames(b, 'red', 5)
  const late = await lab.page('chromium:two')
  await late.join(address)
  assert.equal((await frames(late, 'red', 15, { colour: 'red' })).peer, a.id)
})

labTest('a stream for one peer is not sent to another', { timeout: 60_000 }, async (lab) => {
  const { pages: [a, b, c] } = await lab.mesh('chromium:one', 'chromium:two', 'chromium:two')
  await a.run((lab, to) => void lab.room().addStream(lab.media.paint('private', 'blue'), { label: 'private', to: lab.peerOf(to) }), b.id)
  await frames(b, 'private', 10)
  await a.send({ kind: 'value', value: 'marker' })
  await c.got('marker')
  assert.deepEqual(await c.run((lab) => lab.of('stream')), [])
})

labTest('replaceTrack changes the picture without a new stream, and late joiners get the new one', { timeout: 60_000 }, async (lab) => {
  const { address, pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
  await paint(a, 'red', 'red')
  await frames(b, 'red', 10, { colour: 'red' })
  await a.run((lab) => {
    const old = lab.media.source('red').getVideoTracks()[0]
    return lab.room().replaceTrack(old, lab.media.paint('next', 'lime').getVideoTracks()[0])
  })
  await frames(b, 'red', 10, { colour: 'green' })
  assert.equal(await b.run((lab) => lab.of('stream').length), 1)
  const late = await lab.page('chromium:one')
  await late.join(address)
  await frames(late, 'red', 10, { colour: 'green' })
})

labTest('a stream that was removed can be added again', { timeout: 60_000 }, async (lab) => {
  const { pages: [a, b] } = await lab.mesh('chromium:one', 'chromium:two')
  await paint(a, 'red', 'red')
  await frames(b, 'red', 5)
  for (let round = 1; round <= 3; round += 1) {
    await a.run((lab) => lab.room().removeStream(lab.media.source('red')))
    await b.until('it ends', 5_000, (lab, count) => lab.of('streamend').length >= count, round)
    await a.run((lab) => void lab.room().addStream(lab.media.source('red'), { label: 'red' }))
    await b.until('it is back', 10_000, (lab, count) => lab.of('stream').length >= count, round + 1)
    await frames(b, 'red', 5, { colour: 'red' })
  }
})
