/** How many groups of clients are told apart; more of them share a number. */
export const CLIENT_GROUPS = 256

/** FNV-1a, 32 bits. */
const OFFSET = 0x811c9dc5
const PRIME = 0x01000193
const NETWORK_GROUPS = 4

/**
 * Number of the group a client belongs to: the same for all addresses of an IPv6 network of 64 bits, as any of them
 * costs its owner nothing.
 */
export function clientGroup(address: string): number {
  const text = address.includes(':') ? networkOf(address) : address
  let hash = OFFSET
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME)
  return (hash ^ (hash >>> 16)) & (CLIENT_GROUPS - 1)
}

/** The first 64 bits of an IPv6 address, without zeros in front. */
function networkOf(address: string): string {
  const [front = '', back] = address.split('::')
  const groups = front === '' ? [] : front.split(':')
  if (back !== undefined) {
    const rest = back === '' ? [] : back.split(':')
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  return groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
