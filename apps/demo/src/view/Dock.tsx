import { camera, cameraIsPossible, deviceInUse, devices, soundWaits, startCamera, stopCamera, switchCamera, toggle } from '../media'
import { me } from '../people'
import { insecureCamera } from '../words'
import { Icon } from './icons'

/** The camera's buttons at the foot of the stage. */
export function Dock() {
  const now = camera.value
  const possible = cameraIsPossible()
  return (
    <div class="dock">
      {soundWaits.value && <p class="dock-note" role="status"><Icon name="sound" />Tap anywhere to hear the others</p>}
      {now.name === 'failed' && <p class="dock-note" role="alert">{now.why}</p>}
      {!possible && now.name === 'off' && <p class="dock-note">{insecureCamera}</p>}
      {now.name === 'on' ? <Controls {...now} /> : possible && (
        <button type="button" class="button primary" disabled={now.name === 'asking'} onClick={() => void startCamera()}>
          <Icon name="camera" />
          {now.name === 'asking' ? 'Waiting for permission' : now.name === 'failed' ? 'Try the camera again' : 'Share camera'}
        </button>
      )}
    </div>
  )
}

function Controls({ hasVideo, hasAudio, switching }: { hasVideo: boolean, hasAudio: boolean, switching: boolean }) {
  const { microphone, camera: picture } = me.value
  const several = devices.value.length > 1
  // Where a finger points, the way a camera faces says more than its name.
  const byFacing = matchMedia('(pointer: coarse)').matches
  return (
    <div class="dock-buttons" role="toolbar" aria-label="Camera and microphone">
      {hasAudio && <Toggle on={microphone} icon={microphone ? 'microphone' : 'microphoneOff'} label={microphone ? 'Mute microphone' : 'Unmute microphone'} onClick={() => toggle('audio')} />}
      {hasVideo && <Toggle on={picture} icon={picture ? 'camera' : 'cameraOff'} label={picture ? 'Hide picture' : 'Show picture'} onClick={() => toggle('video')} />}
      {hasVideo && several && byFacing && (
        <button type="button" class="button icon-only" aria-label="Switch camera" title="Switch camera" disabled={switching} onClick={() => void switchCamera()}><Icon name="flip" /></button>
      )}
      {hasVideo && several && !byFacing && (
        <label class="picker" title="Switch camera">
          <Icon name="flip" />
          <select aria-label="Camera" disabled={switching} value={deviceInUse()} onChange={event => void switchCamera(event.currentTarget.value)}>
            {devices.value.map(({ id, label }) => <option key={id} value={id}>{label}</option>)}
          </select>
        </label>
      )}
      <button type="button" class="button icon-only" aria-label="Stop sharing" title="Stop sharing" onClick={stopCamera}><Icon name="stop" /></button>
    </div>
  )
}

function Toggle({ on, icon, label, onClick }: { on: boolean, icon: 'microphone' | 'microphoneOff' | 'camera' | 'cameraOff', label: string, onClick: () => void }) {
  return (
    <button type="button" class={`button icon-only ${on ? '' : 'is-off'}`} aria-label={label} title={label} onClick={onClick}><Icon name={icon} /></button>
  )
}
