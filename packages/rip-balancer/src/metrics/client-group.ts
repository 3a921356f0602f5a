import { networkOf } from '../address/address-network.ts'

/** How many groups of clients have numbers of their own; more groups share them. */
export const CLIENT_GROUPS = 256

/** FNV-1a, 32 bits. */
const OFFSET = 0x811c9dc5
const PRIME = 0x01000193

/**
 * Number of the group a client belongs to: the same for all addresses of an IPv6 network of 64 bits, as any of them
 * costs its owner nothing.
 */
export function clientGroup(address: string): number {
  const text = networkOf(address)
  let hash = OFFSET
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME)
  return (hash ^ (hash >>> 16)) & (CLIENT_GROUPS - 1)
}
