import { dayOf } from '@rip/balancer/supervisor'
import type { ServedCertificate } from '@rip/manager'

/** Days before the expiry of a certificate on which the operator is warned, once each; 0 is the expiry itself. */
const TOLD_DAYS = [0, 1, 7, 30] as const
const DAY_MS = 86_400_000

/** What the manager is told, to make it an event. */
export interface CertificateEvents {
  expires(message: string): void
  refused(file: string, reason: string): void
  replaced(file: string, expiresAtMs: number): void
}

export interface CertificateWatchOptions {
  /** The certificates that serve. */
  readonly read: () => Promise<readonly ServedCertificate[]>
  readonly tell: CertificateEvents
  /** @default never, but when asked */
  readonly everyMs?: number
}

/**
 * Tells when a certificate that serves is about to expire: 30, 7 and 1 days before, and when it has. Tells, too, when what
 * is in its file is not used, from the second look on, as the first one may have come in the middle of a renewal; and when
 * another one serves.
 */
export class CertificateWatch implements Disposable {
  readonly #options: CertificateWatchOptions
  /** The days of the last warning, by certificate. */
  readonly #warned = new Map<string, number>()
  /** What was found at the last look, by file. */
  readonly #found = new Map<string, ServedCertificate & { readonly told: string | null }>()
  readonly #timer: ReturnType<typeof setInterval> | undefined
  #isDisposed = false

  constructor(options: CertificateWatchOptions) {
    this.#options = options
    if (options.everyMs === undefined) return
    this.#timer = setInterval(() => void this.look(Date.now()), options.everyMs)
    this.#timer.unref()
  }

  /** @param nowMs milliseconds since 1970 */
  async look(nowMs: number): Promise<void> {
    const certificates = await this.#options.read()
    if (this.#isDisposed) return
    for (const certificate of certificates) {
      this.#compare(certificate)
      this.#warn(certificate, nowMs)
    }
  }

  #compare(certificate: ServedCertificate): void {
    const { tell } = this.#options
    const { file, problem, validFromMs, expiresAtMs } = certificate
    const before = this.#found.get(file)
    const known = before?.told ?? null
    const isNews = problem !== null && problem === before?.problem && problem !== known
    const told = isNews ? problem : known
    this.#found.set(file, { ...certificate, told: problem === null ? null : told })
    if (isNews) tell.refused(file, reasonOf(file, problem))
    if (before === undefined) return
    const isOther = before.validFromMs !== validFromMs || before.expiresAtMs !== expiresAtMs
    if (isOther || (problem === null && known !== null)) tell.replaced(file, expiresAtMs)
  }

  #warn(certificate: ServedCertificate, nowMs: number): void {
    const days = TOLD_DAYS.find((each) => certificate.expiresAtMs - nowMs <= each * DAY_MS)
    const key = `${certificate.file} ${certificate.expiresAtMs}`
    if (days === undefined || (this.#warned.get(key) ?? Infinity) <= days) return
    this.#warned.set(key, days)
    this.#options.tell.expires(`${expiryText(certificate, nowMs)}: renew it`)
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    clearInterval(this.#timer)
  }
}

/** `the certificate shop.pem expires in 6 days, on 2026-12-05`. */
export function expiryText({ file, expiresAtMs }: ServedCertificate, nowMs: number): string {
  return `the certificate ${file} ${untilText(expiresAtMs, nowMs)}`
}

/** `expires in 6 days, on 2026-12-05`. @param nowMs milliseconds since 1970 */
export function untilText(expiresAtMs: number, nowMs: number): string {
  const day = dayOf(expiresAtMs)
  if (expiresAtMs <= nowMs) return `expired on ${day}`
  const days = Math.floor((expiresAtMs - nowMs) / DAY_MS)
  const left = days === 0 ? 'less than a day' : days === 1 ? '1 day' : `${days} days`
  return `expires in ${left}, on ${day}`
}

/** Why what is now in the file of a certificate is not used, without naming the file twice. */
export function refusedText({ file }: Pick<ServedCertificate, 'file'>, problem: string): string {
  const reason = reasonOf(file, problem)
  return reason.includes(file)
    ? `the certificate on disk is not used: ${reason}`
    : `the certificate on disk, ${file}, is not used: ${reason}`
}

/** Some problems begin with the file, which is named beside them. */
const reasonOf = (file: string, problem: string): string =>
  problem.startsWith(`${file}: `) ? problem.slice(file.length + 2) : problem
