import { requestPath } from '../text/request-path.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import type { ExchangePhase } from './exchange-phase.ts'

/** A request that is being answered. */
export interface RequestInFlight {
  readonly requestId: string
  readonly method: string
  /** Without query. */
  readonly path: string
  readonly phase: ExchangePhase
  /** `null` while it has none, as the next. */
  readonly backend: string | null
  readonly generation: string | null
  /** Since its first byte. */
  readonly ageMs: number
}

/** What is known of a request, if its first line has been read. @param nowMs monotonic */
export function requestInFlight(
  facts: ExchangeFacts,
  phase: ExchangePhase,
  nowMs: number,
): RequestInFlight | undefined {
  if (facts.method === '') return undefined
  return {
    requestId: facts.requestId,
    method: facts.method,
    path: requestPath(facts.target),
    phase,
    backend: facts.backend ?? null,
    generation: facts.generation ?? null,
    ageMs: Math.max(0, Math.round(nowMs - facts.begunAt)),
  }
}
