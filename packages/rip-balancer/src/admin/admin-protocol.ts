import type { BackendTlsConfig } from '../settings/backend-tls.ts'
import type { CertificateStatus } from '../tls/certificate.ts'
import type { RequestInFlight } from '../exchange/request-in-flight.ts'
import type { FailedRequest } from '../metrics/failed-requests.ts'
import type { GenerationRoutes, GenerationTally } from '../metrics/generation-tallies.ts'
import type { PoolStatus } from '../pool/pool-status.ts'

/** Raised when a field of the admin API changes its meaning. */
export const ADMIN_VERSION = 1

/** A backend in the body of `prepare` and `PUT`. */
export interface BackendDeclaration {
  readonly id: string
  /** `unix:PATH`, `host:port`, `https://host:port` or `h2c://host:port`. */
  readonly address: string
  /** Where TLS differs from `backendTls` of the configuration. */
  readonly tls?: BackendTlsConfig
  /** HTTP/2 in plain text is spoken there as well. @default false */
  readonly http2?: boolean
  readonly maxInFlight?: number
  readonly weight?: number
}

/** Body of `PUT /pools/:name`. */
export interface PoolBody {
  readonly backends: readonly BackendDeclaration[]
}

/** Body of `POST /pools/:name/prepare`. */
export interface PrepareBody {
  readonly generation: string
  readonly backends: readonly BackendDeclaration[]
}

/** Body of `POST /pools/:name/cut`. */
export interface CutBody {
  readonly generation: string
}

/** Body of `POST /pools/:name/compare`; answered with a `GenerationComparison`. */
export interface CompareBody {
  /** One that was prepared and does not serve. */
  readonly generation: string
  /** Lots are drawn for so long from this call on. @default 2000 */
  readonly forMs?: number
}

/** Body of `POST /pools/:name/drain`. */
export interface DrainBody {
  readonly generation: string
  /** Given up after this time. @default 30000 */
  readonly timeoutMs?: number
}

/** Body of `POST /pools/:name/drain-backend` and `undrain-backend`. */
export interface BackendBody {
  readonly backend: string
  /** Name of the caller, for the log and the status: at most 100 printable characters. @default 'the admin API' */
  readonly by?: string
}

/** Answer of `POST /pools/:name/drain-backend`. */
export interface BackendDrained {
  /** Under way there: requests, tunnels and event streams. */
  readonly inFlight: number
}

/** Answer of `POST /leave`, when nothing is under way any more. */
export interface LeaveReport {
  /** Requests that were aborted because they did not finish in time. */
  readonly abandoned: number
}

/** Answer of `GET /status`. */
export interface BalancerStatus {
  readonly version: typeof ADMIN_VERSION
  /** Process that answers on the admin socket. */
  readonly pid: number
  /** Processes that serve requests: this one, or those it started. */
  readonly processes: readonly number[]
  /** Every listener accepts, or is to wait until there is somewhere to send requests. */
  readonly ready: boolean
  readonly listening: readonly string[]
  readonly connections: number
  readonly requests: number
  /** Requests being served; unlike those of a pool, tunnels and event streams are among them. */
  readonly inFlight: number
  /** Requests answered with 5xx, by the balancer or by a backend. */
  readonly serverErrors: number
  /** Answers with a status of 1xx, 2xx, 3xx, 4xx, 5xx, by the balancer or by a backend. */
  readonly statuses: readonly number[]
  readonly uptimeMs: number
  /** Of each listener with TLS. */
  readonly certificates: readonly CertificateStatus[]
  /** Answers by generation of the backends. */
  readonly generations: readonly GenerationTally[]
  readonly pools: readonly PoolStatus[]
}

/** Requests that `GET /requests` names; further ones are only counted. */
export const MAX_NAMED_REQUESTS = 100

/** Answer of `GET /requests`. Paths are shown without queries. */
export interface RequestsReport {
  /** Requests that are being answered, the oldest first, without tunnels and event streams; at most 100 of them. */
  readonly inFlight: readonly RequestInFlight[]
  /** How many there are. */
  readonly inFlightCount: number
  /** Routes by generation of the backends, in the last five to ten minutes. */
  readonly generations: readonly GenerationRoutes[]
  /** The latest requests that failed, newest first; at most 20. */
  readonly failures: readonly FailedRequest[]
}
