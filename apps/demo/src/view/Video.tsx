import { useEffect, useRef } from 'preact/hooks'

import { forgetPlayer, play } from '../media'

interface VideoProps {
  stream: MediaStream
  muted?: boolean
  mirrored?: boolean
}

/** A stream, playing. */
export function Video({ stream, muted = false, mirrored = false }: VideoProps) {
  const element = useRef<HTMLVideoElement>(null)
  useEffect(() => {
    const video = element.current
    if (video === null) return
    video.srcObject = stream
    video.muted = muted
    play(video)
    return () => {
      forgetPlayer(video)
      video.srcObject = null
    }
  }, [stream, muted])
  return <video ref={element} class={mirrored ? 'mirrored' : ''} autoplay playsInline muted={muted} />
}
