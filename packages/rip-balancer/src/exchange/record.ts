import type { RecentAnswers } from '../answers/recent-answers.ts'
import type { LaneEvent } from '../upstream/lane-stream.ts'

/**
 * How an exchange ended, seen from the balancer.
 *
 * - `completed`: the whole response of the backend was handed to the client.
 * - `answered`: a hook or a rule of the balancer gave the answer (405, 413, 417, 501, `OPTIONS` with `Max-Forwards: 0`).
 * - `bad-request`: the request was malformed (400, 414, 431, 501, 505).
 * - `client-timeout`: the client was too slow (408, or its response was aborted).
 * - `client-gone`: the client left before the response was complete (logged as 499 when no head was sent).
 * - `queue-full`, `queue-timeout`, `no-backend`, `closing`: no backend could be claimed (503).
 * - `long-lived-backend`, `long-lived-address`, `long-lived-total`: the backend, the client, or the balancer has as many
 *   tunnels and event streams as it may (503).
 * - `connect-failed`, `connect-timeout`: no connection to a backend (502).
 * - `response-timeout`: the backend was too slow (504, or the response was aborted).
 * - `backend-reset`: the backend closed too early (502, or the response was aborted).
 * - `bad-response`: the response was malformed (502, or it was aborted).
 * - `local-failure`: this process ran out of something, or a hook threw (500, 503).
 * - `tunnel-closed`: an upgraded connection ended.
 */
export type EndCause =
  | 'completed'
  | 'answered'
  | 'bad-request'
  | 'client-timeout'
  | 'client-gone'
  | 'queue-full'
  | 'queue-timeout'
  | 'no-backend'
  | 'closing'
  | 'long-lived-backend'
  | 'long-lived-address'
  | 'long-lived-total'
  | 'connect-failed'
  | 'connect-timeout'
  | 'response-timeout'
  | 'backend-reset'
  | 'bad-response'
  | 'local-failure'
  | 'tunnel-closed'

/**
 * What is known about an exchange when it has ended. The object is reused: read it during the call, keep nothing.
 * Text members are decoded when they are read, so a sink that does not need them does not pay for them.
 */
export interface ExchangeRecord {
  /** Start of the request, milliseconds since 1970. */
  readonly startedAt: number
  /** Empty when the request line could not be read; the same holds for `target`, `host` and `protocol`. */
  readonly method: string
  readonly target: string
  readonly host: string
  readonly protocol: string
  readonly scheme: 'http' | 'https'
  /** Address of the client, seen through trusted proxies; `unix` for a peer on a Unix socket. */
  readonly clientAddress: string
  readonly requestId: string
  readonly userAgent: string
  readonly referer: string
  /** Status sent to the client; 499 when it left before one was sent. */
  readonly status: number
  readonly cause: EndCause
  /** Bytes of the response handed to the kernel, head included. */
  readonly bytesSent: number
  /** Bytes of the request body received. */
  readonly bytesReceived: number
  /** Id of the last backend tried; `undefined` when none was claimed. */
  readonly backend: string | undefined
  /**
   * What the system or TLS said of the attempt at that backend, if it failed, or what is wrong with its response;
   * `undefined` where nothing more is known.
   */
  readonly reason: string | undefined
  /** Generation of that backend; `undefined` outside rip-server. */
  readonly generation: string | undefined
  /** What that backend answered lately, to be counted there; `undefined` when none was claimed. */
  readonly answers: RecentAnswers | undefined
  /** Number of its method and the shape of its path; see `requestKind`. */
  readonly kind: number
  /** Index of its method among those that are counted by name; see `methodNumber`. */
  readonly methodNumber: number
  /** It became a tunnel or an event stream. */
  readonly held: boolean
  /**
   * Which generation it was drawn for while two are compared: the number of the comparison for the one that serves,
   * negative for the other; 0 when nothing was drawn.
   */
  readonly lot: number
  /** The backend that was drawn lost the request, which was sent again. */
  readonly lotFailed: boolean
  /** Attempts after the first one. */
  readonly retries: number
  /** Time spent in the queue of the pool. */
  readonly queueMs: number
  /** Claim of the backend to the head of its response; 0 when there was none. */
  readonly responseMs: number
  /** First byte of the request to the last byte of the response. */
  readonly totalMs: number
  /** When it ended, on the monotonic clock. */
  readonly endedAtMs: number
}

/** Something that happened to a connection and not to an exchange. */
export type ConnectionEvent =
  | 'opened'
  | 'closed'
  | 'refused-total'
  | 'refused-address'
  /** A stream of HTTP/2 was refused, as its client, or all together, have too many. */
  | 'refused-stream'
  /** Closed while idle, for a new one there was no room for. */
  | 'gave-way'
  | 'idle-timeout'
  /** A client spoke plain HTTP to a port with TLS, or TLS to one without. */
  | 'http-on-tls'
  | 'tls-on-http'
  /** A client began with HTTP/2 on a port that takes HTTP/1.1 only. */
  | 'http2-on-http1'
  /** HTTP/2 is spoken on a client connection. */
  | 'http2'
  /** A client reset more streams, sent more frames that carry nothing, or left more answers unread than is usual: its connection was closed. */
  | 'http2-resets'
  | 'http2-control-frames'
  | 'http2-unread-answers'
  | 'upstream-opened'
  | 'upstream-closed'
  | 'upstream-unexpected-bytes'
  | LaneEvent

/** Receives what the data plane reports: metrics and the access log. Must not throw and not block. */
export interface ExchangeObserver {
  /** An exchange began; `ended` follows. */
  started(): void
  /** Called exactly once for each request whose first byte arrived, malformed ones included. */
  ended(record: ExchangeRecord): void
  /** A request was addressed to a host that is not answered; called for each, before it ends. */
  foreignHost(authority: string): void
  /** What the system or TLS said of an attempt that failed, whatever became of the request. */
  attemptFailed(backend: string, reason: string): void
  /** A request field was left out for the underscore in its name; told of the first one only. */
  underscored(name: string): void
  /** Client and backend connections. */
  connection(event: ConnectionEvent): void
  /** A hook threw, or code of this package did, which cost at most one connection. */
  fault(error: unknown): void
}
