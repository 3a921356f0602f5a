import { dayOf } from '@rip/balancer/supervisor'
import type { ServedCertificate } from '@rip/manager'

/** Days before the expiry of a certificate on which the operator is warned, once each; 0 is the expiry itself. */
const TOLD_DAYS = [0, 1, 7, 30] as const
const DAY_MS = 86_400_000
const LOOK_EVERY_MS = 3_600_000

export interface CertificateWatchOptions {
  /** The certificates that serve. */
  readonly read: () => Promise<readonly ServedCertificate[]>
  readonly tell: (message: string) => void
}

/** Tells when a certificate that serves is about to expire: 30, 7 and 1 days before, and when it has. */
export class CertificateWatch implements Disposable {
  readonly #options: CertificateWatchOptions
  /** The days of the last warning, by certificate. */
  readonly #told = new Map<string, number>()
  readonly #timer: ReturnType<typeof setInterval>

  constructor(options: CertificateWatchOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.look(Date.now()), LOOK_EVERY_MS)
    this.#timer.unref()
  }

  /** @param nowMs milliseconds since 1970 */
  async look(nowMs: number): Promise<void> {
    for (const certificate of await this.#options.read()) {
      const days = TOLD_DAYS.find((each) => certificate.expiresAtMs - nowMs <= each * DAY_MS)
      const key = `${certificate.file} ${certificate.expiresAtMs}`
      if (days === undefined || (this.#told.get(key) ?? Infinity) <= days) continue
      this.#told.set(key, days)
      this.#options.tell(`${expiryText(certificate, nowMs)}: renew it`)
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

/** `the certificate shop.pem expires in 6 days, on 2026-12-05`. */
export function expiryText({ file, expiresAtMs }: ServedCertificate, nowMs: number): string {
  const day = dayOf(expiresAtMs)
  if (expiresAtMs <= nowMs) return `the certificate ${file} expired on ${day}`
  const days = Math.floor((expiresAtMs - nowMs) / DAY_MS)
  const left = days === 0 ? 'less than a day' : days === 1 ? '1 day' : `${days} days`
  return `the certificate ${file} expires in ${left}, on ${day}`
}
