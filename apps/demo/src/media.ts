// Our camera and microphone, and everybody else's.

import { signal } from '@preact/signals'

import { present } from './people'
import type { DemoRoomHandle } from './session'
import { cameraFailure } from './words'

export type Camera =
  | { name: 'off' }
  | { name: 'asking' }
  | { name: 'on', stream: MediaStream, hasVideo: boolean, hasAudio: boolean, switching: boolean }
  | { name: 'failed', why: string }

export const camera = signal<Camera>({ name: 'off' })
/** The stream of each peer who shows one. */
export const streams = signal<ReadonlyMap<string, MediaStream>>(new Map())
/** Cameras that could be switched to. Browsers name them once one is on. */
export const devices = signal<readonly { id: string, label: string }[]>([])

/** Browsers play sound only after a tap or a key: until then the pictures are silent. */
export const soundWaits = signal(false)

const video: MediaTrackConstraints = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 24 } }

let room: DemoRoomHandle | null = null

/** Whether a browser gives this page a camera at all. */
export function cameraIsPossible(): boolean {
  return window.isSecureContext && navigator.mediaDevices !== undefined
}

/** Follows the others' streams. */
export function watchStreams(next: DemoRoomHandle): void {
  room = next
  streams.value = new Map()
  next.on('stream', (stream, peer) => {
    streams.value = new Map(streams.value).set(peer.id, stream)
  })
  const drop = (id: string, stream?: MediaStream) => {
    if (stream !== undefined && streams.value.get(id) !== stream) return
    const rest = new Map(streams.value)
    rest.delete(id)
    streams.value = rest
  }
  next.on('streamend', (stream, peer) => drop(peer.id, stream))
  next.on('peerleave', peer => drop(peer.id))
}

/** Plays a stream, silently at first where the browser wants it so. */
export function play(element: HTMLVideoElement): void {
  element.play().catch((error: Error) => {
    if (error.name !== 'NotAllowedError' || element.muted) return
    element.muted = true
    silent.add(element)
    soundWaits.value = true
    element.play().catch(() => undefined)
  })
}

/** No longer plays it. */
export function forgetPlayer(element: HTMLVideoElement): void {
  silent.delete(element)
}

const silent = new Set<HTMLVideoElement>()

function unmuteAll(): void {
  for (const element of silent) element.muted = false
  silent.clear()
  soundWaits.value = false
}

// Capturing, so that a click that a button handles counts too.
for (const gesture of ['pointerup', 'keydown']) addEventListener(gesture, unmuteAll, { capture: true })

/** Starts the camera, or what there is of camera and microphone, and shows it to everybody. */
export async function startCamera(): Promise<void> {
  if (camera.value.name === 'asking' || camera.value.name === 'on') return
  camera.value = { name: 'asking' }
  try {
    if (!cameraIsPossible()) throw Object.assign(new Error(), { name: 'InsecureContext' })
    const stream = await capture()
    const [hasVideo, hasAudio] = [stream.getVideoTracks().length > 0, stream.getAudioTracks().length > 0]
    if (room === null) throw new Error('the room is closed')
    room.addStream(stream, { label: 'camera' })
    camera.value = { name: 'on', stream, hasVideo, hasAudio, switching: false }
    present(room, { camera: hasVideo, microphone: hasAudio })
    await listDevices()
  } catch (error) {
    camera.value = { name: 'failed', why: cameraFailure(error) }
  }
}

/** Stops it for everybody. */
export function stopCamera(): void {
  const now = camera.value
  camera.value = { name: 'off' }
  if (now.name !== 'on') return
  room?.removeStream(now.stream)
  for (const track of now.stream.getTracks()) track.stop()
  present(room, { camera: false, microphone: false })
}

/** Mutes or opens the microphone or the picture. The track stays, so it comes back at once. */
export function toggle(kind: 'audio' | 'video'): void {
  if (camera.value.name !== 'on') return
  const track = camera.value.stream.getTracks().find(track => track.kind === kind)
  if (track === undefined) return
  track.enabled = !track.enabled
  present(room, kind === 'audio' ? { microphone: track.enabled } : { camera: track.enabled })
}

/** Switches to another camera: the one of that id, or the one facing the other way. */
export async function switchCamera(id?: string): Promise<void> {
  const now = camera.value
  if (now.name !== 'on' || now.switching) return
  const old = now.stream.getVideoTracks()[0]
  if (old === undefined) return
  camera.value = { ...now, switching: true }
  const settings = old.getSettings()
  const wanted: MediaTrackConstraints = id !== undefined
    ? { ...video, deviceId: { exact: id } }
    : { ...video, facingMode: { exact: settings.facingMode === 'environment' ? 'user' : 'environment' } }
  // A phone opens one camera at a time, so the old one closes first.
  old.stop()
  try {
    await exchange(now.stream, old, await cameraTrack(wanted))
    camera.value = { ...now, switching: false }
  } catch (error) {
    try {
      const back = settings.deviceId === undefined ? video : { ...video, deviceId: { exact: settings.deviceId } }
      await exchange(now.stream, old, await cameraTrack(back))
      camera.value = { ...now, switching: false }
    } catch {
      stopCamera()
      camera.value = { name: 'failed', why: cameraFailure(error) }
    }
  }
}

/** The id of the camera in use. */
export function deviceInUse(): string | undefined {
  const now = camera.value
  return now.name === 'on' ? now.stream.getVideoTracks()[0]?.getSettings().deviceId : undefined
}

async function exchange(stream: MediaStream, old: MediaStreamTrack, next: MediaStreamTrack): Promise<void> {
  next.enabled = old.enabled
  await room?.replaceTrack(old, next)
  // The stream that our own tile shows is the same object as the one that was added.
  if (stream.getTracks().includes(old)) stream.removeTrack(old)
  if (!stream.getTracks().includes(next)) stream.addTrack(next)
}

async function cameraTrack(wanted: MediaTrackConstraints): Promise<MediaStreamTrack> {
  const [track] = (await navigator.mediaDevices.getUserMedia({ video: wanted })).getVideoTracks()
  if (track === undefined) throw Object.assign(new Error('no camera'), { name: 'NotFoundError' })
  return track
}

/** Camera and microphone, or whichever of the two there is. */
async function capture(): Promise<MediaStream> {
  const media = navigator.mediaDevices
  try {
    return await media.getUserMedia({ audio: true, video: { ...video, facingMode: 'user' } })
  } catch (error) {
    if ((error as Error).name !== 'NotFoundError') throw error
    return await media.getUserMedia({ video }).catch(() => media.getUserMedia({ audio: true }))
  }
}

async function listDevices(): Promise<void> {
  const all = await navigator.mediaDevices.enumerateDevices()
  devices.value = all
    .filter(device => device.kind === 'videoinput')
    .map((device, index) => ({ id: device.deviceId, label: device.label || `Camera ${index + 1}` }))
}
