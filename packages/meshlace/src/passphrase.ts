/** Rooms opened by a name and a passphrase. */
import { MeshError } from './errors.js'

/**
 * The fragment that opens the room `name` for those who know `passphrase`.
 *
 * PBKDF2 stretches it, so that guessing costs; WebCrypto does it, so that it costs no bytes. The name
 * is the salt. Both the room's 16 bytes and the secret's 32 come from it: the room id says nothing of
 * the name either.
 */
export async function passphraseAddress(name: string, passphrase: string): Promise<string> {
  if (/[#/@]/.test(name)) {
    throw new MeshError('InvalidArgument', {
      message: 'a passphrase opens a room by its bare name, not by an address',
      expected: 'a bare name',
      found: name,
    })
  }
  // Two ways to type the same accented letter must open the same room.
  const bytes = (text: string) => new TextEncoder().encode(text.normalize('NFC'))
  const key = await crypto.subtle.importKey('raw', bytes(passphrase), 'PBKDF2', false, ['deriveBits'])
  const salt = bytes(`meshlace v1 passphrase ${name}`)
  const parameters = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: ITERATION_COUNT }
  const stretched = new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 48 * 8))
  return `#${base64url(stretched.subarray(0, 16))}.${base64url(stretched.subarray(16))}`
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}

/** As OWASP advises for PBKDF2 with SHA-256; about 0.2 s on a laptop. */
const ITERATION_COUNT = 600_000
