import type { BackendTlsConfig } from '../settings/backend-tls.ts'
import { withoutZone } from './node-address.ts'

/** Where a backend listens. */
export type BackendAddress =
  | {
      readonly kind: 'unix'
      readonly path: string
      /** HTTP/2 in plain text is spoken there, too. */
      readonly http2?: 'also'
    }
  | {
      readonly kind: 'tcp'
      readonly host: string
      readonly port: number
      /** TLS is spoken there. */
      readonly tls?: BackendTls
      /** HTTP/2 in plain text is spoken there by prior knowledge (RFC 9113 §3.3), beside HTTP/1.1 or, as far as is known, only. */
      readonly http2?: Http2Support
    }

export type Http2Support = 'also' | 'only'

/** TLS of one backend. */
export interface BackendTls {
  /** Host of the address as it was declared: whose certificate is expected unless something else is said. */
  readonly name: string
  /** What is different from what holds for all backends. */
  readonly own?: BackendTlsConfig
}

/**
 * What `Host` calls a backend where the request names no host; the zone of an address means something on this machine only
 * (RFC 6874 §4), and a Unix socket is on this machine.
 */
export function authorityOf(address: BackendAddress): string {
  return address.kind === 'unix'
    ? 'localhost'
    : hostAndPort(address.tls?.name ?? withoutZone(address.host), address.port)
}

/** `unix:/path`, `host:port`, `[v6]:port` or the same behind `https://` or `h2c://`. */
export function addressText(address: BackendAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  return schemeOf(address) + hostAndPort(address.host, address.port)
}

function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function schemeOf({ tls, http2 }: Extract<BackendAddress, { kind: 'tcp' }>): string {
  if (http2 === 'only') return 'h2c://'
  return tls === undefined ? '' : 'https://'
}
