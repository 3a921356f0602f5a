import type { BackendAddress } from '../address/backend-address.ts'
import type { RecentAnswers } from '../answers/recent-answers.ts'

/** Connections of HTTP/2 to a backend, which requests share. */
export interface LaneCounts {
  /** Those that are open, also while they take no more requests. */
  readonly open: number
  /** Requests under way on them. */
  readonly streams: number
}

/** One server behind the balancer, as the data plane sees it. */
export interface Backend {
  readonly id: string
  readonly address: BackendAddress
  /** Requests the backend takes at the same time. */
  readonly maxInFlight: number
  /** Requests claimed, neither released nor held. */
  readonly inFlight: number
  /** Generation the backend belongs to; `undefined` outside rip-server. */
  readonly generation: string | undefined
  /** No longer declared: waiting requests cannot use its slots. */
  readonly leaving: boolean
  /** It was put aside, and one request shows whether it can come back. */
  readonly onTrial: boolean
  /** How it answered lately. */
  readonly answers: RecentAnswers
  /** Set once HTTP/2 is spoken to it. */
  lanes?: LaneCounts | undefined
}
