import { oneLine } from '../text/one-line.ts'

/** Between two reports about the same backend. */
const PAUSE_MS = 60_000
/** Number of backends for which the time of the last report is remembered. */
const MAX_BACKENDS = 1_000

/** Tells why no secure connection to a backend can be had: once a minute for each, as every request meets it. */
export class TlsReports {
  private readonly warn: (message: string) => void
  private readonly toldAtMs = new Map<string, number>()

  constructor(warn: (message: string) => void) {
    this.warn = warn
  }

  /** @param reason as `tlsFailure` writes it */
  note(backend: string, reason: string): void {
    const now = performance.now()
    if (now - (this.toldAtMs.get(backend) ?? Number.NEGATIVE_INFINITY) < PAUSE_MS) return
    if (this.toldAtMs.size >= MAX_BACKENDS) this.toldAtMs.clear()
    this.toldAtMs.set(backend, now)
    this.warn(`backend ${oneLine(backend)}: ${reason}`)
  }
}
