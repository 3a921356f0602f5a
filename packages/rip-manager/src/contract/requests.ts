import type { GenerationId } from './router.ts'
import type { AnswerRates } from './status.ts'

/** A request that is being answered, or waits for a worker. */
export interface RequestUnderWay {
  readonly requestId: string
  readonly method: string
  /** Without query. */
  readonly path: string
  /** What is done with it at the moment, such as `queued` or `waiting`, which is for its answer. */
  readonly phase: string
  /** Such as `w1.3`; `null` while it waits for one. */
  readonly worker: string | null
  readonly generation: GenerationId | null
  readonly ageMs: number
}

/** Answers of one generation to the requests of a route, such as `GET /orders/:n`. */
export interface RouteAnswers extends AnswerRates {
  readonly generation: GenerationId
  readonly route: string
  /** The slowest, at most 9 % off. */
  readonly maxMs: number | null
}

/** A request that failed: with a 5xx status, or because its answer was cut off. */
export interface RequestFailure {
  /** Milliseconds since the epoch. */
  readonly atMs: number
  readonly requestId: string
  readonly method: string
  /** Without query. */
  readonly path: string
  readonly status: number
  /** How it ended, such as `completed` or `response-timeout`. */
  readonly cause: string
  /** What the system said, if it did. */
  readonly reason: string | null
  readonly worker: string | null
  readonly generation: GenerationId | null
  readonly tookMs: number
}

/** The answer of `GET /requests`: what the balancers know of requests, kept without an access log. */
export interface RequestsStatus {
  /** The oldest first, without WebSockets and event streams; at most 100. */
  readonly underWay: readonly RequestUnderWay[]
  /** How many there are. */
  readonly underWayCount: number
  /** In the last five to ten minutes. */
  readonly routes: readonly RouteAnswers[]
  /** Newest first; a few of them. */
  readonly failures: readonly RequestFailure[]
}
