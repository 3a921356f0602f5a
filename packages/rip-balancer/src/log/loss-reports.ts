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
 * Tells the operator which request was lost because its backend closed the connection, as one that crashes does, or gave a
 * response that cannot be passed on: the first, and from then on at most one a minute. The request may be what the backend
 * crashes on, and what is wrong with the response is known nowhere else.
 */
export class LossReports {
  private readonly warn: (message: string) => void
  private readonly pace: ReportPace<string>

  constructor({ warn, now }: LossReportsOptions) {
    this.warn = warn
    this.pace = new ReportPace(now)
  }

  ended(record: ExchangeRecord): void {
    const why = whyOf(record)
    if (why === undefined) return
    const untold = this.pace.next(why)
    if (untold === undefined) return
    this.warn(
      oneLine(`${requestText(record)} was lost${moreBefore(untold)}: backend ${record.backend} ${why}`),
    )
  }
}

function whyOf({ cause, reason }: ExchangeRecord): string | undefined {
  if (cause === 'backend-reset') return 'closed the connection before its response was complete'
  return cause === 'bad-response' ? `gave a response that is not valid HTTP: it has ${reason}` : undefined
}
