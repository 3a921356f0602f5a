import type { ExchangeObserver, ExchangeRecord } from './exchange/record.ts'
import type { CurrentLog } from './log/current-log.ts'
import type { OperatorReports } from './log/operator-reports.ts'
import type { Metrics } from './metrics/metrics.ts'
import { isTlsFailure } from './tls/tls-failure.ts'

/** Who hears of exchanges and of the connections of clients. */
export interface ExchangeHearers {
  readonly metrics: Metrics
  readonly reports: OperatorReports
  readonly log: CurrentLog
  /** Of the program; may throw. */
  readonly onEnd: (record: ExchangeRecord) => void
  /** A connection to a backend failed for its certificate. @param reason as `tlsFailure` writes it */
  readonly tlsFailed: (backend: string, reason: string) => void
}

/** Tells metrics, operator, access log and program what happens to requests. */
export function exchangeObserver({
  metrics,
  reports,
  log,
  onEnd,
  tlsFailed,
}: ExchangeHearers): ExchangeObserver {
  const fault = (error: unknown): void => {
    metrics.fault()
    reports.fault(error)
  }
  const callOnEnd = (record: ExchangeRecord): void => {
    try {
      onEnd(record)
    } catch (error) {
      fault(error)
    }
  }
  return {
    started: () => metrics.started(),
    connection: (event) => {
      metrics.connection(event)
      reports.connection(event)
    },
    ended: (record) => {
      metrics.ended(record)
      reports.ended(record)
      log.ended(record)
      callOnEnd(record)
    },
    foreignHost: (authority) => reports.foreignHost(authority),
    attemptFailed: (backend, reason) => {
      if (!isTlsFailure(reason)) return
      reports.tlsFailed(backend, reason)
      tlsFailed(backend, reason)
    },
    underscored: (name) => reports.underscored(name),
    fault,
  }
}
