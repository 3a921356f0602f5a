import type { EndCause, ExchangeRecord } from '../exchange/record.ts'
import { requestPath } from '../text/request-path.ts'

/** A request that failed lately. */
export interface FailedRequest {
  /** When it began, milliseconds since 1970. */
  readonly startedAtMs: number
  readonly requestId: string
  readonly method: string
  /** Without query. */
  readonly path: string
  readonly status: number
  readonly cause: EndCause
  /** What the system or TLS said of the attempt, or what is wrong with the response; `null` where nothing more is known. */
  readonly reason: string | null
  /** The last one that was tried; `null` without one, as the next. */
  readonly backend: string | null
  readonly generation: string | null
  readonly tookMs: number
}

const KEPT = 20
/** More of them in a second are only counted. */
const PER_SECOND = 20

/** Keeps the latest requests that failed. */
export class FailedRequests {
  private readonly latest: FailedRequest[] = []
  private taken = 0
  private secondEndMs = 0

  note(record: ExchangeRecord): void {
    if (record.endedAtMs >= this.secondEndMs) {
      this.secondEndMs = record.endedAtMs + 1_000
      this.taken = 0
    }
    if (this.taken++ >= PER_SECOND) return
    this.latest.unshift(failedRequest(record))
    this.latest.length = Math.min(this.latest.length, KEPT)
  }

  /** Newest first. */
  all(): readonly FailedRequest[] {
    return this.latest.slice()
  }
}

function failedRequest(record: ExchangeRecord): FailedRequest {
  const { startedAt, requestId, method, target, status, cause, totalMs } = record
  return {
    startedAtMs: Math.round(startedAt),
    requestId,
    method,
    path: requestPath(target),
    status,
    cause,
    reason: record.reason ?? null,
    backend: record.backend ?? null,
    generation: record.generation ?? null,
    tookMs: Math.round(totalMs),
  }
}
