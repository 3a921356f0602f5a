/** Groups of an IPv6 address that say whose it is; the other half its owner chooses as he likes (RFC 4291 §2.5.4). */
const NETWORK_GROUPS = 4

/**
 * What counts as one client: an IPv4 address, or the /64 of an IPv6 address, because a client usually has a whole /64.
 *
 * @param address as the system writes it, IPv4 addresses mapped into IPv6 as IPv4
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
  const all = [...groups, ...Array.from({ length: missing }, () => '0'), ...(tail?.split(':') ?? [])]
  return `${all.slice(0, NETWORK_GROUPS).join(':')}::/64`
}
