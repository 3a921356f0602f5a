import type { ExchangeRecord } from '../exchange/record.ts'
import { oneLine } from '../text/one-line.ts'
import { moreBefore, ReportPace } from './report-pace.ts'
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
  private readonly warn: (message: string) => void
  private readonly pace: ReportPace<'backend-reset'>

  constructor({ warn, now }: LossReportsOptions) {
    this.warn = warn
    this.pace = new ReportPace(now)
  }

  ended(record: ExchangeRecord): void {
    if (record.cause !== 'backend-reset') return
    const untold = this.pace.next(record.cause)
    if (untold === undefined) return
    const where = `backend ${record.backend} closed the connection before its response was complete`
    this.warn(oneLine(`${requestText(record)} was lost${moreBefore(untold)}: ${where}`))
  }
}
