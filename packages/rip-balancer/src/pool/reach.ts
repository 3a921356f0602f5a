import type { BackendTlsSettings } from '../tls/backend-tls.ts'
import { inquire, type InquiryFailure, type Reply } from '../upstream/inquiry.ts'
import type { BackendAddress } from '../address/backend-address.ts'
import { authorityOf } from '../address/backend-address.ts'

/** What a look at a backend found. */
export interface Sighting {
  /** The backend accepted the connection, or answered the question, in time. */
  readonly reached: boolean
  /** What went wrong otherwise; `local-failure` says nothing about the backend. */
  readonly failure?: InquiryFailure
  /** What went wrong, in words. */
  readonly reason?: string
}

/** Looks at a backend; never rejects. */
export type Reach = (address: BackendAddress, timeoutMs: number) => Promise<Sighting>

/** What a server answers whatever it serves: the ping of HTTP (RFC 9110 §9.3.7). No request of a client is at stake. */
const PING = 'OPTIONS * HTTP/1.1\r\nHost: '
const PING_END = '\r\nUser-Agent: rip-balancer\r\nAccept: */*\r\nConnection: close\r\n\r\n'
/** Only so much of its answer is read. */
const MAX_PONG_BYTES = 1024

/** Asks a backend for any answer, whatever it says. */
export function askWith(tls: () => BackendTlsSettings): Reach {
  return async (address, timeoutMs) => {
    // Servers that speak HTTP/2 only may reset such a request, as gRPC's do: that they say their SETTINGS has to do.
    const request = address.http2 === 'only' ? undefined : `${PING}${authorityOf(address)}${PING_END}`
    const question = { address, request, isHead: false, timeoutMs, maxBytes: MAX_PONG_BYTES }
    return sightingOf(await inquire(question, tls()))
  }
}

/** Connects; where TLS is spoken the server has to prove its identity. Nothing is asked. */
export function reachWith(tls: () => BackendTlsSettings): Reach {
  return async (address, timeoutMs) => {
    const question = { address, request: undefined, isHead: false, timeoutMs, maxBytes: 0 }
    return sightingOf(await inquire(question, tls()))
  }
}

function sightingOf(reply: Reply): Sighting {
  if (reply.failure === undefined) return { reached: true }
  return { reached: false, failure: reply.kind, reason: reply.failure }
}
