import type { ExchangeRecord } from '../exchange/record.ts'
import { REPORT_PAUSE_MS } from './limit-reports.ts'
import { requestText } from './request-text.ts'

export interface LossReportsOptions {
  readonly warn: (message: string) => void
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/**
 * Tells the operator which request was lost because its backend closed the connection, as one that crashes does: the
 * first, and from then on at most one a minute. The request may be what the backend crashes on.
 */
export class LossReports {
  private readonly options: LossReportsOptions
  private toldAtMs = Number.NEGATIVE_INFINITY
  private untold = 0

  constructor(options: LossReportsOptions) {
    this.options = options
  }

  ended(record: ExchangeRecord): void {
    if (record.cause !== 'backend-reset') return
    const { warn, now } = this.options
    if (now() - this.toldAtMs < REPORT_PAUSE_MS) return void this.untold++
    const more = this.untold === 0 ? '' : `, and ${this.untold} more before`
    this.toldAtMs = now()
    this.untold = 0
    warn(
      `${requestText(record)} was lost${more}: backend ${record.backend} closed the connection before its response was complete`,
    )
  }
}
