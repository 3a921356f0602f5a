import { oneLine } from '../text/one-line.ts'
import { ReportPace } from './report-pace.ts'

/** Tells why no secure connection to a backend can be had: once a minute for each, as every request meets it. */
export class TlsReports {
  private readonly warn: (message: string) => void
  private readonly pace = new ReportPace<string>()

  constructor(warn: (message: string) => void) {
    this.warn = warn
  }

  /** @param reason as `tlsFailure` writes it */
  note(backend: string, reason: string): void {
    if (this.pace.next(backend) !== undefined) this.warn(`backend ${oneLine(backend)}: ${reason}`)
  }
}
