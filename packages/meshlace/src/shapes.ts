/** How the core makes values of JavaScript. */
import { MeshError, type Delivery, type MeshErrorCode } from './errors.js'
import type { Shapes } from './machine.js'

export const shapes: Shapes = {
  error(code, message, delivery, peer, expected, found, limit) {
    return new MeshError(code as MeshErrorCode, {
      message,
      delivery: delivery as Delivery | undefined,
      peer,
      expected,
      found,
      limit,
    })
  },
  meta: (name, type) => ({ name, type }),
  iceServer(urls, username, credential) {
    const server: RTCIceServer = { urls }
    if (username !== undefined) server.username = username
    if (credential !== undefined) server.credential = credential
    return server
  },
}
