import type { HealthSettings } from '../settings/health.ts'
import { DEFAULT_HEALTH_STATUSES } from '../defaults.ts'
import type { BackendTlsSettings } from '../tls/backend-tls.ts'
import { inquire } from '../upstream/inquiry.ts'
import type { BackendAddress } from '../address/backend-address.ts'
import { authorityOf } from '../address/backend-address.ts'

/** Only so much of an answer is read. */
const MAX_ANSWER_BYTES = 64 * 1024

/**
 * Asks a backend whether it is well.
 *
 * @returns what is wrong, `undefined` when nothing is: the answer has an expected status and text, is complete and in time
 */
export async function illnessOf(
  address: BackendAddress,
  health: HealthSettings,
  tls: BackendTlsSettings,
): Promise<string | undefined> {
  const { method = 'GET', statuses = DEFAULT_HEALTH_STATUSES, body, timeoutMs } = health
  const place = placeOf(address, health)
  const request = requestText(method, health.path, health.host ?? authorityOf(place))
  const isHead = method === 'HEAD'
  const reply = await inquire({ address: place, request, isHead, timeoutMs, maxBytes: MAX_ANSWER_BYTES }, tls)
  if (reply.failure !== undefined) return reply.failure
  if (!statuses.some(({ from, to }) => reply.status >= from && reply.status <= to))
    return `status ${reply.status}`
  if (body !== undefined && !reply.body.includes(body))
    return 'its answer does not contain the text of health.body'
  return undefined
}

/** Where it is asked, which may be a port beside the one that serves. */
function placeOf(address: BackendAddress, { port, tls }: HealthSettings): BackendAddress {
  if (address.kind === 'unix' || (port === undefined && tls === undefined)) return address
  // What listens there need not speak HTTP/2 because the backend does.
  const { kind, host, tls: own = { name: host.replace(/%.*/, '') } } = address
  const place = { kind, host, port: port ?? address.port }
  return (tls ?? address.tls !== undefined) ? { ...place, tls: own } : place
}

function requestText(method: string, path: string, host: string): string {
  // RFC 9110 §8.6: the others have none unless they say so.
  const length = /^(?:POST|PUT|PATCH)$/.test(method) ? 'Content-Length: 0\r\n' : ''
  return `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${length}User-Agent: rip-balancer\r\nAccept: */*\r\nConnection: close\r\n\r\n`
}
