// Is it the machine? Bare RTCPeerConnections, none of our code: when these fail, no other result here means anything.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Browser } from '../harness/browsers.js'
import { Network } from '../harness/network.js'

/** Connects two blank pages with the harness as their signalling, and returns what the answerer hears first. */
async function greet(offerer, answerer) {
  const prepare = () => {
    const connection = new RTCPeerConnection()
    const channel = connection.createDataChannel('probe', { negotiated: true, id: 0 })
    globalThis.probe = { connection, channel }
    globalThis.heard = new Promise((resolve) => (channel.onmessage = ({ data }) => resolve(data)))
    globalThis.gathered = new Promise((resolve) => {
      connection.onicecandidate = ({ candidate }) => candidate === null && resolve(connection.localDescription.sdp)
    })
  }
  await Promise.all([offerer.evaluate(prepare), answerer.evaluate(prepare)])
  const offer = await offerer.evaluate(async () => {
    await globalThis.probe.connection.setLocalDescription()
    return globalThis.gathered
  })
  const answer = await answerer.evaluate(async (sdp) => {
    await globalThis.probe.connection.setRemoteDescription({ type: 'offer', sdp })
    await globalThis.probe.connection.setLocalDescription()
    return globalThis.gathered
  }, offer)
  await offerer.evaluate(async (sdp) => {
    const { connection, channel } = globalThis.probe
    channel.onopen = () => channel.send('hello')
    await connection.setRemoteDescription({ type: 'answer', sdp })
  }, answer)
  return Promise.race([
    answerer.evaluate(() => globalThis.heard),
    new Promise((_, reject) => setTimeout(reject, 15_000, new Error('nothing heard within 15 s')).unref()),
  ])
}

async function pair(one, other, options = [{}, {}]) {
  const browsers = []
  try {
    for (const [index, kind] of [one, other].entries()) browsers.push(await Browser.launch(kind, options[index]))
    assert.equal(await greet(await browsers[0].page(), await browsers[1].page()), 'hello')
  } finally {
    for (const browser of browsers) await browser.close()
  }
}

test('two Chromium processes connect with default flags', { timeout: 60_000 }, () => pair('chromium', 'chromium', [{ mdns: true }, { mdns: true }]))

test('Chromium and Firefox connect', { timeout: 60_000 }, () => pair('chromium', 'firefox'))

test('two Chromium processes connect across network namespaces', { timeout: 60_000 }, async () => {
  const network = await new Network().start('a', 'b')
  try {
    await pair('chromium', 'chromium', [{ wrap: network.at('a') }, { wrap: network.at('b') }])
  } finally {
    await network.close()
  }
})
