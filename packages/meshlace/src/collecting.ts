/**
 * Chromium bears 500 `RTCPeerConnection`s per process and counts closed ones until they are collected, which on a page
 * that allocates little may be never (`kMaxPeerConnections` in its `rtc_peer_connection.cc`). There is no call that
 * collects garbage, but buffers that are let go at once weigh on the collector's balance until it runs.
 */

/** 32 MiB, never touched and so never really taken from the system. */
const BUFFER_BYTES = 32 * 1024 * 1024
/** Two to seven were needed where it was tried; then it took 50 ms. */
const BUFFERS_MAX = 24

/**
 * Makes what `make` makes; where the browser says it has no room, gives its collector a reason to run and asks again.
 *
 * @throws what `make` throws, when collecting does not help.
 */
export function afterCollecting<T>(make: () => T): T {
  for (let buffers = 0; ; buffers += 1) {
    try {
      return make()
    } catch (error) {
      // By this name Chromium refuses one connection too many; any other refusal is final.
      if ((error as Error).name !== 'UnknownError' || buffers === BUFFERS_MAX) throw error
      // Its length is asked for so that no bundler takes the line for one without effect.
      if (new ArrayBuffer(BUFFER_BYTES).byteLength === 0) throw error
    }
  }
}
