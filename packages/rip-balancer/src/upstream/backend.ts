import type { BackendAddress } from '../address/backend-address.ts'
import type { RecentAnswers } from '../answers/recent-answers.ts'

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
}
