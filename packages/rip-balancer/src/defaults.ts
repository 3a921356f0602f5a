import type { Underscores } from './settings/forwarding.ts'
import type { HalfClose } from './settings/half-close.ts'
import type { WorkerProtocol } from './settings/worker-protocol.ts'
import type { Limits } from './settings/limits.ts'
import type { Timeouts } from './settings/timeouts.ts'
import type { UnknownMethods } from './settings/unknown-methods.ts'

/** Every default of the package: times in milliseconds, sizes in bytes. */

export const DEFAULT_LISTEN = '127.0.0.1:8080'
export const DEFAULT_POOL = 'app'

export const DEFAULT_POLICY = 'round-robin'
export const DEFAULT_STICKY_COOKIE = 'rip-backend'
export const DEFAULT_LEARNED_FIELD = 'mcp-session-id'
export const DEFAULT_LEARNED_ENTRIES = 65_536
export const DEFAULT_LEARNED_LIFETIME_MS = 3_600_000
export const DEFAULT_MAX_IN_FLIGHT = 100
export const DEFAULT_WEIGHT = 1
export const DEFAULT_QUEUE_LENGTH = 1024
export const DEFAULT_QUEUE_TIMEOUT_MS = 30_000
export const DEFAULT_SLOW_START_MS = 0

/** Failures others do not have that put a backend aside. */
export const DEFAULT_EJECT_AFTER = 2
export const DEFAULT_EJECT_MIN_MS = 1_000
export const DEFAULT_EJECT_MAX_MS = 60_000
/** Share of the backends that may be put aside on suspicion. */
export const DEFAULT_EJECT_SHARE = 0.5

export const DEFAULT_RETRIES = 1
/** Retries allowed per request served, on top of a reserve for quiet times. */
export const RETRY_BUDGET_SHARE = 0.2
export const RETRY_BUDGET_RESERVE = 10
export const RETRY_BUDGET_MAX = 100

export const DEFAULT_HEALTH_INTERVAL_MS = 5_000
export const DEFAULT_HEALTH_TIMEOUT_MS = 2_000
export const DEFAULT_HEALTH_RISE = 2
export const DEFAULT_HEALTH_FALL = 3
/** Part of the interval by which health checks are spread. */
export const HEALTH_JITTER = 0.1
/** Part of the interval between checks while a backend is about to go out or to come back. */
export const HEALTH_FAST_SHARE = 0.25

/** How long a backend that is prepared may take to accept a connection. */
export const DIAL_TIMEOUT_MS = 1_000

export const DEFAULT_TIMEOUTS: Timeouts = {
  headerMs: 10_000,
  bodyIdleMs: 30_000,
  clientIdleMs: 75_000,
  writeIdleMs: 30_000,
  connectMs: 3_000,
  responseMs: 60_000,
  responseIdleMs: 60_000,
  totalMs: Number.POSITIVE_INFINITY,
  repeatMs: 5_000,
  tunnelIdleMs: 600_000,
  tunnelEndMs: 30_000,
  continueMs: 1_000,
  upstreamIdleMs: 15_000,
  lingerMs: 1_000,
  drainGraceMs: 500,
  drainMs: 30_000,
}

export const DEFAULT_LIMITS: Limits = {
  maxLineBytes: 32 * 1024,
  maxHeadBytes: 32 * 1024,
  maxFields: 100,
  maxBodyBytes: 10 * 1024 * 1024,
  minBodyBytesPerSecond: 512,
  minResponseBytesPerSecond: 512,
  maxRequestBufferBytes: 64 * 1024,
  maxResponseBufferBytes: 1024 * 1024,
  maxBufferedBytes: 64 * 1024 * 1024,
  maxResponseHeadBytes: 64 * 1024,
  maxInterimResponses: 32,
  maxRequestsPerConnection: Number.POSITIVE_INFINITY,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 2_000,
  maxLongLivedPerBackend: 9_000,
  maxLongLivedPerAddress: 1_800,
  maxIdlePerBackend: 256,
  maxReplayBytes: 64 * 1024,
}

/** Part of the connections, of one client and of all, that tunnels and event streams may have. */
export const LONG_LIVED_SHARE = 0.9

/** Lots between two generations are drawn for so long unless that is asked for again. */
export const DEFAULT_COMPARE_MS = 2_000
export const DEFAULT_UNKNOWN_METHODS: UnknownMethods = 'pass'
export const DEFAULT_HEALTH_STATUSES: readonly { readonly from: number; readonly to: number }[] = [
  { from: 200, to: 299 },
]
/** What most proxies do: many backends cannot tell an underscore from a hyphen. */
export const DEFAULT_UNDERSCORES: Underscores = 'drop'
export const DEFAULT_UPGRADES: readonly string[] = ['websocket']

/** It has no effect on backends that were not said to take HTTP/2. */
export const DEFAULT_WORKER_PROTOCOL: WorkerProtocol = 'auto'

/** What most proxies do. */
export const DEFAULT_HALF_CLOSE: HalfClose = 'answer'
