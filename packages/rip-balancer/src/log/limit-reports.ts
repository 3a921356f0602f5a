import type { Limits } from '../settings/limits.ts'
import type { Timeouts } from '../settings/timeouts.ts'
import { BODY_TOO_LARGE } from '../exchange/failure.ts'
import type { ConnectionEvent, ExchangeRecord } from '../exchange/record.ts'
import { moreBefore, ReportPace } from './report-pace.ts'
import { requestText } from './request-text.ts'

/** The settings that are named. */
export interface ReportedLimits {
  readonly limits: Limits
  readonly timeouts: Timeouts
  readonly queueLength: number
  readonly queueTimeoutMs: number
}

/** One limit, or several that cannot be distinguished afterwards. */
type Kind =
  | 'body'
  | 'head'
  | 'header-time'
  | 'body-time'
  | 'queue-length'
  | 'queue-time'
  | 'response-time'
  | 'response-silence'
  | 'long-lived-backend'
  | 'long-lived-address'
  | 'long-lived-total'
  | 'connections'
  | 'address'

export interface LimitReportsOptions {
  readonly limits: () => ReportedLimits
  readonly warn: (message: string) => void
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/**
 * Tells the operator which limit refused a request, with its value and the option that changes it: the first
 * time, and from then on at most once a minute for each limit.
 */
export class LimitReports {
  private readonly options: LimitReportsOptions
  private readonly pace: ReportPace<Kind>

  constructor(options: LimitReportsOptions) {
    this.options = options
    this.pace = new ReportPace(options.now)
  }

  ended(record: ExchangeRecord): void {
    if (record.cause === 'completed') return
    const kind = kindOf(record)
    if (kind !== undefined) this.report(kind, `${requestText(record)} was ${endOf(record)}`)
  }

  connection(event: ConnectionEvent): void {
    if (event === 'refused-total') this.report('connections', 'a connection was refused')
    if (event === 'refused-address') this.report('address', 'a connection was refused')
  }

  private report(kind: Kind, what: string): void {
    const { limits, warn } = this.options
    const untold = this.pace.next(kind)
    if (untold !== undefined) warn(`${what}${moreBefore(untold)}: ${textOf(kind, limits())}`)
  }
}

/** A response that had begun could only be cut off. */
function endOf({ status, cause, reason }: ExchangeRecord): string {
  const isCut = reason === BODY_TOO_LARGE || (cause === 'response-timeout' && status !== 504)
  return isCut ? 'cut off' : `refused with ${status}`
}

function kindOf({ status, cause, method, reason }: ExchangeRecord): Kind | undefined {
  if (cause === 'queue-full') return 'queue-length'
  if (cause === 'long-lived-backend' || cause === 'long-lived-address' || cause === 'long-lived-total')
    return cause
  if (cause === 'queue-timeout') return 'queue-time'
  if (cause === 'response-timeout') return status === 504 ? 'response-time' : 'response-silence'
  if (cause === 'client-timeout' && status === 408) return method === '' ? 'header-time' : 'body-time'
  if (cause !== 'answered' && cause !== 'bad-request') return undefined
  if (status === 413 || reason === BODY_TOO_LARGE) return 'body'
  return status === 414 || status === 431 ? 'head' : undefined
}

function textOf(kind: Kind, { limits, timeouts, queueLength, queueTimeoutMs }: ReportedLimits): string {
  switch (kind) {
    case 'body':
      return `the balancer's limits.body is ${sizeText(limits.maxBodyBytes)}; --max-body raises it`
    case 'head':
      return (
        `the balancer's limits.head is ${sizeText(limits.maxHeadBytes)}, limits.line ${sizeText(limits.maxLineBytes)}, ` +
        `limits.fields ${limits.maxFields}; raise the one that is too low`
      )
    case 'header-time':
      return `the balancer's timeouts.header is ${timeText(timeouts.headerMs)}`
    case 'body-time':
      return (
        `the balancer's timeouts.body is ${timeText(timeouts.bodyIdleMs)}, ` +
        `limits.bodyRate ${limits.minBodyBytesPerSecond} bytes per second`
      )
    case 'queue-length':
      return `the balancer's queue.length is ${queueLength}; more workers or a higher concurrency keep it short`
    case 'queue-time':
      return `the balancer's queue.timeout is ${timeText(queueTimeoutMs)}; more workers or a higher concurrency keep the wait short`
    case 'response-time':
      return `the balancer's timeouts.response is ${timeText(timeouts.responseMs)}, timeouts.total ${timeText(timeouts.totalMs)}`
    case 'response-silence':
      return `the balancer's timeouts.responseIdle is ${timeText(timeouts.responseIdleMs)}, timeouts.total ${timeText(timeouts.totalMs)}`
    case 'long-lived-backend':
      return (
        `a backend holds as many WebSockets and event streams as the balancer's limits.longLived allows, ` +
        `${limits.maxLongLivedPerBackend}`
      )
    case 'long-lived-address':
      return (
        `its client has as many WebSockets and event streams as the balancer's limits.longLivedPerAddress allows, ` +
        `${limits.maxLongLivedPerAddress}; proxies belong in forwarding.trust`
      )
    case 'long-lived-total':
      return (
        `WebSockets and event streams have nine tenths of all connections, the rest is for requests; ` +
        `the balancer's limits.connections is ${limits.maxConnections}, and each takes two descriptors (ulimit -n)`
      )
    case 'connections':
      return `the balancer's limits.connections is ${limits.maxConnections}`
    case 'address':
      return `the balancer's limits.connectionsPerAddress is ${limits.maxConnectionsPerAddress}; proxies belong in forwarding.trust`
  }
}

function sizeText(bytes: number): string {
  if (bytes === Number.POSITIVE_INFINITY) return 'off'
  if (bytes >= 2 ** 20 && bytes % 2 ** 20 === 0) return `${bytes / 2 ** 20} MiB`
  return bytes >= 2 ** 10 && bytes % 2 ** 10 === 0 ? `${bytes / 2 ** 10} KiB` : `${bytes} bytes`
}

function timeText(ms: number): string {
  if (ms === Number.POSITIVE_INFINITY) return 'off'
  return ms >= 1_000 && ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`
}
