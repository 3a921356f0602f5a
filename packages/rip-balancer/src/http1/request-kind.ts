import { isDigit } from './byte-class.ts'
import type { RequestHead } from './request-head.ts'

/** How many kinds of requests have numbers of their own; more kinds share them. */
export const REQUEST_KINDS = 256

/** FNV-1a, 32 bits. */
const PRIME = 0x01000193
const QUESTION = 0x3f
const DIGITS = 0x30

/**
 * Number of the kind of a request: its method and its path, in which numbers do not matter, so that `/orders/7` and
 * `/orders/12` are of one kind. Costs no memory per kind.
 *
 * @param seed a secret, so that a client cannot choose paths that share a number with others
 */
export function requestKind(head: RequestHead, seed: number): number {
  const { bytes, methodEnd, targetEnd } = head
  let hash = seed
  for (let at = head.start; at < methodEnd; at++) hash = Math.imul(hash ^ bytes[at]!, PRIME)
  let inNumber = false
  for (let at = head.pathStart; at < targetEnd && bytes[at] !== QUESTION; at++) {
    const digit = isDigit(bytes[at]!)
    if (!digit || !inNumber) hash = Math.imul(hash ^ (digit ? DIGITS : bytes[at]!), PRIME)
    inNumber = digit
  }
  return (hash ^ (hash >>> 16)) & (REQUEST_KINDS - 1)
}
