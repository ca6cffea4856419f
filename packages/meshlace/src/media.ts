/** Media streams, ours and the peers', kept whole while the connections beneath come and go. */
import type { Connection } from './connection.js'
import type { PeerId } from './types.js'

/** A stream of ours. Tracks are kept beside it: `replaceTrack` changes them for late joiners too. */
export interface LocalStream {
  readonly key: number
  readonly stream: MediaStream
  tracks: MediaStreamTrack[]
}

/** The peers' streams: one object each for as long as it is shared. */
export class RemoteStreams {
  readonly #streams = new Map<PeerId, Map<string, RemoteStream>>()

  /** A track came in over `connection`: it takes the place of those of connections before. */
  arrived(connection: Connection, source: MediaStream, track: MediaStreamTrack): void {
    const remote = this.#entry(connection.peer, source.id)
    for (const [old, from] of remote.tracks) {
      if (from !== connection) remote.remove(old)
    }
    remote.tracks.set(track, connection)
    remote.stream.addTrack(track)
    // Fires where the sender took a track off; a closed connection fires nothing.
    source.addEventListener('removetrack', (event) => remote.remove(event.track))
  }

  /** The stream that the application sees from now on. */
  announce(peer: PeerId, mediaId: string): MediaStream {
    const remote = this.#entry(peer, mediaId)
    remote.announced = true
    return remote.stream
  }

  /** The stream has ended. */
  end(peer: PeerId, mediaId: string): MediaStream | undefined {
    const remote = this.#streams.get(peer)?.get(mediaId)
    this.#streams.get(peer)?.delete(mediaId)
    for (const track of remote?.tracks.keys() ?? []) remote?.remove(track)
    return remote?.stream
  }

  /** The peer has gone, and every stream of its with it. */
  forget(peer: PeerId): void {
    this.#streams.delete(peer)
  }

  /**
   * The connection is closed. What the application has seen stays, silent, until the tracks of the
   * next connection arrive; what it has not goes, so that a peer cannot pile streams up.
   */
  drop(connection: Connection): void {
    const streams = this.#streams.get(connection.peer)
    for (const [mediaId, remote] of streams ?? []) {
      if (!remote.announced && [...remote.tracks.values()].every((from) => from === connection)) {
        streams?.delete(mediaId)
      }
    }
  }

  #entry(peer: PeerId, mediaId: string): RemoteStream {
    let streams = this.#streams.get(peer)
    if (streams === undefined) this.#streams.set(peer, (streams = new Map()))
    let remote = streams.get(mediaId)
    if (remote === undefined) streams.set(mediaId, (remote = new RemoteStream()))
    return remote
  }
}

class RemoteStream {
  /** Whether the application has seen it. */
  announced = false
  readonly stream = new MediaStream()
  /** Each track with the connection it came over. */
  readonly tracks = new Map<MediaStreamTrack, Connection>()

  remove(track: MediaStreamTrack): void {
    if (this.tracks.delete(track)) this.stream.removeTrack(track)
  }
}
