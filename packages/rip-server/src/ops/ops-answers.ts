import { asOpenMetrics, prefersOpenMetrics } from './open-metrics.ts'
import type { OpsRequest } from './ops-request.ts'

/** What is asked when a request comes. */
export interface OpsSources {
  /** Why no requests should be sent, in one line; `undefined` when they may. */
  readonly unreadiness: () => string | undefined
  /** All metrics, as Prometheus text. */
  readonly metrics: () => Promise<string>
}

export interface OpsAnswer {
  readonly status: 200 | 400 | 404 | 405 | 500 | 503
  readonly type: string
  readonly body: string
}

const PLAIN = 'text/plain; charset=utf-8'
const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8'
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** Answers `/live`, `/ready` and `/metrics`. */
export async function opsAnswer(
  { method, path, accept }: OpsRequest,
  { unreadiness, metrics }: OpsSources,
): Promise<OpsAnswer> {
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'ask with GET')
  // An answer shows that the event loop turns.
  if (path === '/live') return plain(200, 'live')
  if (path === '/ready') {
    const reason = unreadiness()
    return reason === undefined ? plain(200, 'ready') : plain(503, `not ready: ${reason}`)
  }
  if (path !== '/metrics') return plain(404, 'there is /live, /ready and /metrics')
  const text = await metrics()
  return prefersOpenMetrics(accept)
    ? { status: 200, type: OPEN_METRICS, body: asOpenMetrics(text) }
    : { status: 200, type: PROMETHEUS, body: text }
}

export function plain(status: OpsAnswer['status'], line: string): OpsAnswer {
  return { status, type: PLAIN, body: `${line.replaceAll(/\s+/g, ' ')}\n` }
}
