/** The client of a request, as told by the nearest trusted proxy or the socket. */
export interface Client {
  /** IP address; absent on a Unix socket without a balancer in front. */
  readonly address: string | undefined
  readonly protocol: 'http' | 'https'
}

export interface ClientAddress {
  readonly address: string
  readonly family: 'IPv4' | 'IPv6'
  /** 0 when unknown. */
  readonly port: number
}

/**
 * Which proxy is trusted to name the client:
 *
 * - `'balancer'`: `@rip/balancer` in front, which decides who the client is and names it in `X-Real-IP`, `X-Real-Port`
 *   and `X-Forwarded-Proto`. Any other process that can connect to the socket is trusted as well.
 * - `true`: one proxy of any make in front. It appends to `X-Forwarded-For`, hence the last entry counts.
 * - `false`: none; the peer is the client.
 */
export type TrustForwarded = boolean | 'balancer'

/** Reads one header field. */
type FieldReader = (name: string) => string | undefined

/** @returns `undefined` when no trusted proxy names a client */
export function clientAddress(field: FieldReader, trust: TrustForwarded): ClientAddress | undefined {
  if (trust === false) return undefined
  const last = trust === true ? lastOf(field('x-forwarded-for')) : undefined
  if (last !== undefined) return readNode(last)
  const address = field('x-real-ip')
  return address === undefined ? undefined : readNode(address, Number(field('x-real-port') ?? 0))
}

/** @returns the scheme the client used, `http` when no trusted proxy names it */
export function clientProtocol(field: FieldReader, trust: TrustForwarded): Client['protocol'] {
  if (trust === false) return 'http'
  return lastOf(field('x-forwarded-proto'))?.toLowerCase() === 'https' ? 'https' : 'http'
}

function lastOf(list: string | undefined): string | undefined {
  return list?.slice(list.lastIndexOf(',') + 1).trim() || undefined
}

// Instead of `isIPv4` of `node:net`, which a worker need not load for this.
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/
const IPV6 = /^[\da-f]{0,4}(?::[\da-f]{0,4}){2,8}(?:(?:\.\d{1,3}){3})?$/i

/** Reads an address as proxies write it, with or without port and brackets; `undefined` for `unknown` and the like. */
function readNode(text: string, port: number = 0): ClientAddress | undefined {
  if (IPV4.test(text)) return { address: text, family: 'IPv4', port }
  if (IPV6.test(text)) return { address: text, family: 'IPv6', port }
  const [, v6, v4, told] = /^(?:\[([^\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const address = v6 ?? v4
  return address === undefined ? undefined : readNode(address, Number(told ?? 0))
}
