import { ipVersion } from './ip-version.ts'

/** A node as a proxy names it: an address, and a port if the proxy named one. */
export interface NodeAddress {
  readonly address: string
  /** 0 when unknown. */
  readonly port: number
}

/**
 * Reads a node as proxies write it in `X-Forwarded-For` and `Forwarded` (RFC 7239 §6): with or without port, quotes and
 * brackets.
 *
 * @returns `undefined` for `unknown`, an obfuscated name and everything else that is no address
 */
export function readNode(text: string): NodeAddress | undefined {
  const bare = text.replace(/^"(.*)"$/, '$1')
  if (ipVersion(bare) !== 0) return { address: canonical(bare), port: 0 }
  const [, v6, v4, port] = /^(?:\[([^\]]*)\]|([\d.]+))(?::(\d{1,5}|_[\w.-]+))?$/.exec(bare) ?? []
  const address = v6 ?? v4 ?? ''
  const known = v6 === undefined ? 4 : 6
  return ipVersion(address) === known ? { address: canonical(address), port: portOf(port) } : undefined
}

/** One spelling for one address: no zone, no zeros to spare, an IPv4 address mapped into IPv6 as IPv4. */
export function canonical(address: string): string {
  if (!address.includes(':')) return address
  return unmapped(new URL(`http://[${withoutZone(address)}]/`).hostname.slice(1, -1))
}

/**
 * An address as the system writes it, without the zone of a link-local one, which means something on this machine only
 * (RFC 4007 §6); an IPv4 address mapped into IPv6 is written as IPv4.
 */
export function plainAddress(address: string): string {
  return unmapped(withoutZone(address))
}

/** The part of an address that means the same on every machine. */
export function withoutZone(address: string): string {
  const zone = address.indexOf('%')
  return zone < 0 ? address : address.slice(0, zone)
}

function unmapped(address: string): string {
  if (!address.startsWith('::ffff:')) return address
  const rest = address.slice('::ffff:'.length)
  if (rest.includes('.')) return rest
  const [, high, low] = /^([\da-f]{1,4}):([\da-f]{1,4})$/i.exec(rest) ?? []
  if (high === undefined || low === undefined) return address
  return [high, low]
    .flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255])
    .join('.')
}

function portOf(text: string | undefined): number {
  const port = Number(text)
  return port <= 65_535 ? port : 0
}
