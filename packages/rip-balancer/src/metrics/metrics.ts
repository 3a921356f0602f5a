import type { ConnectionEvent, EndCause, ExchangeObserver, ExchangeRecord } from '../exchange/record.ts'
import { CONTROLS, escaped } from '../text/one-line.ts'
import type { PoolStatus } from '../pool/pool-status.ts'
import type { CertificateStatus } from '../tls/certificate.ts'
import { FailedRequests } from './failed-requests.ts'
import { GenerationTallies } from './generation-tallies.ts'
import { Histogram } from './histogram.ts'
import { BUCKET_SECONDS, RequestDurations } from './request-durations.ts'

/** What clients speak; anything else is counted as the first one, most of it never having been read. */
const PROTOCOLS = ['unknown', 'HTTP/1.0', 'HTTP/1.1', 'HTTP/2.0'] as const

/** All of them: a series that is there from the start shows its first count as an increase. */
const CAUSES: Readonly<Record<EndCause, true>> = {
  completed: true,
  answered: true,
  'bad-request': true,
  'client-timeout': true,
  'client-gone': true,
  'queue-full': true,
  'queue-timeout': true,
  'no-backend': true,
  closing: true,
  'long-lived-backend': true,
  'long-lived-address': true,
  'long-lived-total': true,
  'connect-failed': true,
  'connect-timeout': true,
  'response-timeout': true,
  'backend-reset': true,
  'bad-response': true,
  'local-failure': true,
  'tunnel-closed': true,
}

const EVENTS: Readonly<Record<ConnectionEvent, true>> = {
  opened: true,
  closed: true,
  'refused-total': true,
  'refused-address': true,
  'refused-stream': true,
  'gave-way': true,
  'idle-timeout': true,
  'http-on-tls': true,
  'tls-on-http': true,
  'http2-on-http1': true,
  http2: true,
  'http2-resets': true,
  'http2-control-frames': true,
  'http2-unread-answers': true,
  'upstream-opened': true,
  'upstream-closed': true,
  'upstream-unexpected-bytes': true,
  'upstream-http2': true,
  'upstream-goaway': true,
  'upstream-silent': true,
  'upstream-http2-error': true,
  'upstream-stream-refused': true,
  'upstream-stream-left-out': true,
  'upstream-stream-reset': true,
}

/** What the pools add to the metrics when they are asked for. */
export interface MetricsSource {
  pools(): readonly PoolStatus[]
  certificates?(): readonly CertificateStatus[]
}

/**
 * Counts what the data plane reports. Labels are statuses by class, causes and backends: nothing a client can
 * invent becomes a label.
 */
export class Metrics implements Omit<ExchangeObserver, 'foreignHost' | 'underscored' | 'attemptFailed'> {
  requests = 0
  serverErrors = 0
  connections = 0
  readonly generations: GenerationTallies = new GenerationTallies()
  readonly failures: FailedRequests = new FailedRequests()
  private begun = 0
  private retries = 0
  private faults = 0
  private bytesSent = 0
  private bytesReceived = 0
  private readonly protocols = new Float64Array(PROTOCOLS.length)
  private readonly statuses = new Float64Array(6)
  private readonly causes = counters(CAUSES)
  /** How the last request ended: most end like the one before. */
  private lastCause: EndCause = 'completed'
  private ofLastCause = this.causes.get('completed')!
  private readonly events = counters(EVENTS)
  private readonly durations = new RequestDurations()
  private readonly queue = new Histogram(BUCKET_SECONDS)
  private readonly response = new Histogram(BUCKET_SECONDS)

  /** Requests that have begun and not ended. */
  get inFlight(): number {
    return this.begun - this.requests
  }

  /** Requests by the first digit of their status, 1 to 5. */
  get statusClasses(): readonly number[] {
    return [...this.statuses.subarray(1)]
  }

  started(): void {
    this.begun++
  }

  ended(record: ExchangeRecord): void {
    this.requests++
    this.retries += record.retries
    this.bytesSent += record.bytesSent
    this.bytesReceived += record.bytesReceived
    if (record.status >= 500) this.noteServerError(record)
    else if (isCutOff(record.cause)) this.failures.note(record)
    this.generations.count(record)
    this.statuses[Math.min(5, Math.floor(record.status / 100))]!++
    this.protocols[protocolIndex(record.protocol)]!++
    this.counterOf(record.cause).count++
    this.durations.count(record)
    if (record.queueMs > 0) this.queue.observe(record.queueMs)
    if (record.backend !== undefined) this.response.observe(record.responseMs)
  }

  private counterOf(cause: EndCause): Counter {
    if (cause === this.lastCause) return this.ofLastCause
    this.lastCause = cause
    this.ofLastCause = this.causes.get(cause)!
    return this.ofLastCause
  }

  /** A malformed request is the fault of its client. */
  private noteServerError(record: ExchangeRecord): void {
    this.serverErrors++
    if (record.cause !== 'bad-request') this.failures.note(record)
  }

  connection(event: ConnectionEvent): void {
    this.events.get(event)!.count++
    if (event === 'opened') this.connections++
    if (event === 'closed') this.connections--
  }

  fault(): void {
    this.faults++
  }

  /** Prometheus text exposition format 0.0.4. */
  render(source: MetricsSource): string {
    return [
      ...family('rip_requests_total', 'counter', 'Requests by class of status.', this.statusLines()),
      ...family(
        'rip_requests_by_protocol_total',
        'counter',
        'Requests by what their client speaks.',
        PROTOCOLS.map(
          (protocol, at) => `rip_requests_by_protocol_total{protocol="${protocol}"} ${this.protocols[at]}`,
        ),
      ),
      ...family(
        'rip_exchanges_total',
        'counter',
        'Requests by how they ended.',
        labelled('rip_exchanges_total', 'cause', this.causes),
      ),
      ...family(
        'rip_requests_in_flight',
        'gauge',
        'Requests being served, tunnels and event streams included.',
        [`rip_requests_in_flight ${this.inFlight}`],
      ),
      ...family('rip_retries_total', 'counter', 'Attempts after the first one.', [
        `rip_retries_total ${this.retries}`,
      ]),
      ...family('rip_faults_total', 'counter', 'Errors thrown by hooks or by the balancer itself.', [
        `rip_faults_total ${this.faults}`,
      ]),
      ...family('rip_sent_bytes_total', 'counter', 'Bytes sent to clients.', [
        `rip_sent_bytes_total ${this.bytesSent}`,
      ]),
      ...family('rip_received_bytes_total', 'counter', 'Bytes of request bodies.', [
        `rip_received_bytes_total ${this.bytesReceived}`,
      ]),
      ...family('rip_connections', 'gauge', 'Open client connections.', [
        `rip_connections ${this.connections}`,
      ]),
      ...family(
        'rip_connection_events_total',
        'counter',
        'What happened to connections.',
        labelled('rip_connection_events_total', 'event', this.events),
      ),
      ...family(
        'rip_request_seconds',
        'histogram',
        'First byte of the request to last byte of the response; of tunnels and event streams, to its head.',
        this.durations.totalLines('rip_request_seconds'),
      ),
      ...family(
        'http_server_request_duration_seconds',
        'histogram',
        'The same by method and status, as the conventions of OpenTelemetry name it.',
        this.durations.conventionalLines('http_server_request_duration_seconds'),
      ),
      ...family(
        'rip_queue_seconds',
        'histogram',
        'Wait for a backend, of those that waited.',
        this.queue.lines('rip_queue_seconds'),
      ),
      ...family(
        'rip_response_seconds',
        'histogram',
        'Claim of a backend to the head of its response.',
        this.response.lines('rip_response_seconds'),
      ),
      ...poolFamilies(source.pools()),
      ...certificateFamilies(source.certificates?.() ?? []),
      ...family('rip_balancer_memory_bytes', 'gauge', 'Resident memory of the balancer.', memoryLines()),
      '',
    ].join('\n')
  }

  private statusLines(): string[] {
    return [1, 2, 3, 4, 5].map(
      (status) => `rip_requests_total{status="${status}xx"} ${this.statuses[status]}`,
    )
  }
}

interface Counter {
  count: number
}

function counters<K extends string>(keys: Readonly<Record<K, true>>): ReadonlyMap<K, Counter> {
  // Object.keys knows no more than that they are texts.
  return new Map((Object.keys(keys) as K[]).map((key) => [key, { count: 0 }]))
}

/** Ends of a response that had begun. */
function isCutOff(cause: EndCause): boolean {
  return cause === 'backend-reset' || cause === 'bad-response' || cause === 'response-timeout'
}

function protocolIndex(protocol: string): number {
  if (protocol === 'HTTP/1.1') return 2
  if (protocol === 'HTTP/2.0') return 3
  return protocol === 'HTTP/1.0' ? 1 : 0
}

/** None when the memory cannot be read, which takes a descriptor. */
function memoryLines(): string[] {
  try {
    return [`rip_balancer_memory_bytes ${process.memoryUsage.rss()}`]
  } catch {
    return []
  }
}

function family(name: string, type: string, help: string, lines: readonly string[]): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines]
}

function labelled(name: string, label: string, counts: ReadonlyMap<string, Counter>): string[] {
  return [...counts].map(([value, { count }]) => `${name}{${label}="${value}"} ${count}`)
}

/** Escapes a label value. The format has escapes for three characters; other line ends are written as text. */
const quoted = (text: string): string =>
  `"${text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replace(CONTROLS, (char) => `\\${escaped(char)}`)}"`

function certificateFamilies(certificates: readonly CertificateStatus[]): string[] {
  if (certificates.length === 0) return []
  const name = 'rip_certificate_expiry_timestamp_seconds'
  const lines = new Map(
    certificates.map(({ file, expiresAtMs }) => [
      `${name}{file=${quoted(file)}}`,
      Math.round(expiresAtMs / 1000),
    ]),
  )
  const refused = new Map(certificates.map(({ file, problem }) => [file, problem === null ? 0 : 1]))
  return [
    ...family(
      name,
      'gauge',
      'When a certificate that serves expires, in seconds since 1970.',
      [...lines].map(([series, seconds]) => `${series} ${seconds}`),
    ),
    ...family(
      'rip_certificate_refused',
      'gauge',
      'Whether what is now in the file of a certificate is not used: 1 or 0.',
      [...refused].map(([file, is]) => `rip_certificate_refused{file=${quoted(file)}} ${is}`),
    ),
  ]
}

function poolFamilies(pools: readonly PoolStatus[]): string[] {
  const perPool = (name: string, value: (pool: PoolStatus) => number): string[] =>
    pools.map((pool) => `${name}{pool=${quoted(pool.name)}} ${value(pool)}`)
  const perBackend = (name: string, value: (backend: PoolStatus['backends'][number]) => number): string[] =>
    pools.flatMap((pool) =>
      pool.backends.map(
        (each) => `${name}{pool=${quoted(pool.name)},backend=${quoted(each.id)}} ${value(each)}`,
      ),
    )
  return [
    ...family(
      'rip_queue_length',
      'gauge',
      'Requests waiting for a backend.',
      perPool('rip_queue_length', (pool) => pool.queued),
    ),
    ...family(
      'rip_ejections_total',
      'counter',
      'Backends put aside.',
      perPool('rip_ejections_total', (pool) => pool.ejections),
    ),
    ...family(
      'rip_backend_in_flight',
      'gauge',
      'Requests at a backend, without tunnels and event streams.',
      perBackend('rip_backend_in_flight', (each) => each.inFlight),
    ),
    ...family(
      'rip_backend_tunnels',
      'gauge',
      'WebSockets and other upgraded connections at a backend.',
      perBackend('rip_backend_tunnels', (each) => each.tunnels),
    ),
    ...family(
      'rip_backend_event_streams',
      'gauge',
      'Event streams at a backend.',
      perBackend('rip_backend_event_streams', (each) => each.eventStreams),
    ),
    ...family(
      'rip_backend_lanes',
      'gauge',
      'Open connections of HTTP/2 to a backend.',
      perBackend('rip_backend_lanes', (each) => each.lanes),
    ),
    ...family(
      'rip_backend_lane_streams',
      'gauge',
      'Requests under way on the connections of HTTP/2 to a backend.',
      perBackend('rip_backend_lane_streams', (each) => each.laneStreams),
    ),
    ...family(
      'rip_backend_requests_total',
      'counter',
      'Requests given to a backend.',
      perBackend('rip_backend_requests_total', (each) => each.requests),
    ),
    ...family(
      'rip_backend_failures_total',
      'counter',
      'Failures to connect to a backend.',
      perBackend('rip_backend_failures_total', (each) => each.failures),
    ),
    ...family(
      'rip_backend_up',
      'gauge',
      'Whether a backend takes requests.',
      perBackend('rip_backend_up', (each) => (each.state === 'serving' ? 1 : 0)),
    ),
  ]
}
