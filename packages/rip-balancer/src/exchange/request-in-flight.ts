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
