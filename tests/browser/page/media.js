// Streams: sources of a known colour, and receivers that count the frames they really painted.

const sources = {}
const shown = []

/** A canvas that paints one colour, a little changed at every frame, as a stream. */
export function paint(label, colour, { perSecond = 15, audio = false } = {}) {
  const canvas = document.createElement('canvas')
  canvas.width = 160
  canvas.height = 120
  document.body.append(canvas)
  const context = canvas.getContext('2d')
  const source = { colour, canvas, frames: 0 }
  source.timer = setInterval(() => {
    source.frames += 1
    context.fillStyle = source.colour
    context.fillRect(0, 0, 160, 120)
    context.fillStyle = source.frames % 2 ? 'black' : 'white'
    context.fillRect(0, 0, 8, 8)
  }, 1_000 / perSecond)
  source.stream = canvas.captureStream(perSecond)
  if (audio) for (const track of tone().getAudioTracks()) source.stream.addTrack(track)
  sources[label] = source
  return source.stream
}

function tone() {
  const context = new AudioContext()
  const oscillator = context.createOscillator()
  const output = context.createMediaStreamDestination()
  oscillator.connect(output)
  oscillator.start()
  return output.stream
}

/** The browser's (fake) camera. */
export async function camera(label, constraints = { video: true, audio: true }) {
  const stream = await navigator.mediaDevices.getUserMedia(constraints)
  sources[label] = { stream }
  return stream
}

export const source = (label) => sources[label].stream

/** Attaches what arrived to a video element and counts the frames painted, with the colour of the last one. */
export function show(stream, about, note) {
  const video = document.createElement('video')
  Object.assign(video, { autoplay: true, muted: true, playsInline: true, srcObject: stream })
  document.body.append(video)
  const entry = { ...about, frames: 0, colour: '', lastAt: 0, tracks: stream.getTracks().map((track) => track.kind).sort() }
  shown.push(entry)
  note('stream', { ...about, tracks: entry.tracks })
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = 1
  const context = canvas.getContext('2d', { willReadFrequently: true })
  const count = () => {
    entry.frames += 1
    entry.lastAt = Date.now()
    context.drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 1, 1, 0, 0, 1, 1)
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data
    const most = Math.max(red, green, blue)
    entry.colour = most < 40 ? 'black' : most === red ? 'red' : most === green ? 'green' : 'blue'
    video.requestVideoFrameCallback(count)
  }
  video.requestVideoFrameCallback(count)
  video.play().catch((error) => note('unplayable', { ...about, message: String(error) }))
}

/** What this page receives under a label: frames painted, and the colour of the last. */
export const seen = (label, peer) => shown.findLast((entry) => entry.label === label && (!peer || entry.peer === peer))
