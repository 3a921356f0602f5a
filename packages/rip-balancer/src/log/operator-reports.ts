import { hostName } from '../config/allowed-hosts.ts'
import type { ConnectionEvent, ExchangeRecord } from '../exchange/record.ts'
import { LimitReports, type ReportedLimits } from './limit-reports.ts'
import { LossReports } from './loss-reports.ts'
import { ReportPace } from './report-pace.ts'
import { TlsReports } from './tls-reports.ts'

/** So many names are reported, so that a client that makes up others cannot fill the log. */
const MAX_FOREIGN_HOSTS = 100
/** Between two reports of mistakes in hooks or in the balancer itself. */
const FAULT_PAUSE_MS = 1_000
/** A scheme that was mistyped, a port that was mixed up, a client that is broken; scanners do the same all day long. */
const CONNECTION_PAUSE_MS = 3_600_000

const CONNECTIONS: Readonly<Partial<Record<ConnectionEvent, string>>> = {
  'http-on-tls':
    'a client spoke plain HTTP to a port with TLS and got 400: its address has to begin with https://',
  'tls-on-http':
    'a client spoke TLS to a port without: its address has to begin with http://, or the port needs a certificate',
  'http2-on-http1':
    'a client spoke HTTP/2 to a port without and got 505: listen[].http2 takes both there, in the program --http2 on',
  'http2-resets':
    'the connection of a client was ended, as more of its streams of HTTP/2 were reset than is usual',
  'http2-control-frames':
    'the connection of a client was ended, as it sent more frames of HTTP/2 that carry nothing than is usual',
  'http2-unread-answers':
    'the connection of a client was ended, as it did not read what it asked for by frames of HTTP/2',
}

export interface OperatorReportsOptions {
  readonly warn: (message: string) => void
  /** The settings that are named. */
  readonly limits: () => ReportedLimits
  /** Why a host is not answered, and what allows it. */
  readonly foreignHostText: (authority: string) => string
}

/** What the operator is told of requests and connections, each kind of report so often that the log stays readable. */
export class OperatorReports {
  private readonly options: OperatorReportsOptions
  private readonly warn: (message: string) => void
  private readonly limits: LimitReports
  private readonly losses: LossReports
  private readonly tlsFailures: TlsReports
  /** Names that were asked for and not answered, as far as they were told. */
  private readonly foreignHosts = new Set<string>()
  private readonly connectionPace: ReportPace<ConnectionEvent>
  private readonly faultPace: ReportPace<'fault'>

  constructor(options: OperatorReportsOptions) {
    const { warn, limits } = options
    const now = (): number => performance.now()
    this.options = options
    this.warn = warn
    this.limits = new LimitReports({ limits, warn, now })
    this.losses = new LossReports({ warn, now })
    this.tlsFailures = new TlsReports(warn)
    this.connectionPace = new ReportPace(now, CONNECTION_PAUSE_MS)
    this.faultPace = new ReportPace(now, FAULT_PAUSE_MS)
  }

  ended(record: ExchangeRecord): void {
    this.limits.ended(record)
    this.losses.ended(record)
  }

  connection(event: ConnectionEvent): void {
    this.limits.connection(event)
    const text = CONNECTIONS[event]
    if (text !== undefined && this.connectionPace.next(event) !== undefined) this.warn(text)
  }

  /** Told once for each name, as a page asks again and again. */
  foreignHost(authority: string): void {
    const name = hostName(authority)
    if (this.foreignHosts.has(name) || this.foreignHosts.size >= MAX_FOREIGN_HOSTS) return
    this.foreignHosts.add(name)
    this.warn(this.options.foreignHostText(authority))
  }

  /** @param reason as `tlsFailure` writes it */
  tlsFailed(backend: string, reason: string): void {
    this.tlsFailures.note(backend, reason)
  }

  underscored(name: string): void {
    this.warn(
      `the field ${name} of a request was left out, as all with an underscore are: many backends take it for ` +
        `${name.replaceAll('_', '-')}; forwarding.underscores: 'pass' is for those that do not (told once)`,
    )
  }

  /** The operator has to see the mistake, but not one line for each request it concerns. */
  fault(error: unknown): void {
    if (this.faultPace.next('fault') === undefined) return
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.warn(`a hook or the balancer itself failed: ${text}`)
  }
}
