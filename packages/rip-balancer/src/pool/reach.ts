import type { BackendTlsSettings } from '../tls/backend-tls.ts'
import { inquire } from '../upstream/inquiry.ts'
import type { BackendAddress } from './claim.ts'
import { authorityOf } from './member.ts'

/** @returns whether somebody accepts a connection there in time */
export type Reach = (address: BackendAddress, timeoutMs: number) => Promise<boolean>

/** What a server answers whatever it serves: the ping of HTTP (RFC 9110 §9.3.7). Nobody's request is at stake. */
const PING = 'OPTIONS * HTTP/1.1\r\nHost: '
const PING_END = '\r\nUser-Agent: rip-balancer\r\nAccept: */*\r\nConnection: close\r\n\r\n'
/** Of its answer only the beginning is of interest. */
const MAX_PONG_BYTES = 1024

/** Whether a backend answers, whatever it says, in time. */
export function askWith(tls: () => BackendTlsSettings): Reach {
  return async (address, timeoutMs) => {
    const request = `${PING}${authorityOf(address)}${PING_END}`
    const question = { address, request, isHead: false, timeoutMs, maxBytes: MAX_PONG_BYTES }
    return (await inquire(question, tls())).failure === undefined
  }
}

/** Whether somebody accepts a connection there in time and, where TLS is spoken, is whom he should be; nothing is asked. */
export function reachWith(tls: () => BackendTlsSettings): Reach {
  return async (address, timeoutMs) => {
    const question = { address, request: undefined, isHead: false, timeoutMs, maxBytes: 0 }
    return (await inquire(question, tls())).failure === undefined
  }
}
