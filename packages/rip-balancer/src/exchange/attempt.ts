import type { Backend } from '../upstream/backend.ts'
import type { Claims, LongLived, Outcome } from '../pool/claim.ts'
import type { Clock } from '../transport/clock.ts'
import type { UpstreamExchange } from '../upstream/upstream-exchange.ts'
import type { DataPlane } from './data-plane.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import { LongLife } from './long-life.ts'

/**
 * The attempt an exchange is making: the place it has claimed at a backend, and the connection that carries it there.
 * The place is released exactly once: at the end, or when a long life begins, which ends exactly once then.
 */
export class Attempt {
  /** The backend whose place it has claimed, or where it lives on without one. */
  backend: Backend | undefined
  upstream: UpstreamExchange | undefined
  /** The backend was put aside, and this request shows whether it can come back. */
  onTrial = false
  /** When the backend was claimed, in monotonic milliseconds. */
  claimedAtMs = 0
  readonly longLife: LongLife
  private readonly facts: ExchangeFacts
  private readonly claims: Claims
  private readonly clock: Clock

  constructor(plane: DataPlane, facts: ExchangeFacts) {
    this.facts = facts
    this.claims = plane.claims
    this.clock = plane.turn.clock
    this.longLife = new LongLife(plane, facts)
  }

  /** Whether it takes a place at a backend that other requests could have. */
  get takesPlace(): boolean {
    return this.backend !== undefined && !this.backend.leaving && !this.longLife.hasBegun
  }

  /** For how long the backend has been claimed. */
  get ageMs(): number {
    return this.clock.nowMs - this.claimedAtMs
  }

  /** Begins with a backend that was claimed. */
  begin(backend: Backend): void {
    this.backend = backend
    this.onTrial = backend.onTrial
    this.claimedAtMs = this.clock.nowMs
    this.facts.tried = backend
    this.facts.reason = undefined
  }

  /** It becomes a tunnel or an event stream. */
  beginLongLife(kind: LongLived): void {
    this.longLife.begin(kind, this.backend!, this.onTrial)
  }

  /** Gives the place back, if there is one. */
  release(outcome: Outcome): void {
    const { backend, longLife } = this
    this.backend = undefined
    if (backend === undefined) return
    if (longLife.hasBegun) longLife.end(backend, outcome)
    else this.claims.release(backend, outcome, this.onTrial)
  }

  /** Gives the connection up, if there is one. */
  disconnect(): void {
    const { upstream } = this
    this.upstream = undefined
    upstream?.destroy()
  }
}
