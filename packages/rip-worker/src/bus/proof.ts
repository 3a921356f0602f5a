export const NONCE_BYTES = 16
export const PROOF_BYTES = 32

/** What both ends of a connection know once they have exchanged nonces. */
export interface Greeting {
  /** Process that listens. */
  readonly listener: number
  /** Process that has dialled. */
  readonly dialler: number
  /** Random bytes of each, so that no proof can be used twice. */
  readonly listenerNonce: Uint8Array
  readonly diallerNonce: Uint8Array
}

/**
 * Proves, without telling it, that this end knows the secret of the instance (HMAC, RFC 2104). The side is part of it,
 * so that a proof cannot be sent back as one of the other side; so are both processes, so that a third one which passes
 * everything on is noticed by the end that asks the kernel who it talks to.
 *
 * Not by `Bun.CryptoHasher`, which throws, with a key, once after the application could not read a certificate (Bun 1.4.5).
 */
export function proofOf(side: 'listener' | 'dialler', key: string, greeting: Greeting): Uint8Array {
  const { createHmac } = process.getBuiltinModule('node:crypto')
  return createHmac('sha256', key)
    .update(`${side} ${greeting.listener} ${greeting.dialler} `)
    .update(greeting.listenerNonce)
    .update(greeting.diallerNonce)
    .digest()
}

/** Whether the two are equal; takes as long wherever they differ. */
export function isSameProof(one: Uint8Array, other: Uint8Array): boolean {
  if (one.byteLength !== other.byteLength) return false
  let difference = 0
  for (let at = 0; at < one.byteLength; at++) difference |= one[at]! ^ other[at]!
  return difference === 0
}

export function newNonce(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
}
