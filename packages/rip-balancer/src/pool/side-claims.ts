import type { BackendAddress } from '../address/backend-address.ts'
import { RecentAnswers } from '../answers/recent-answers.ts'
import type { Backend } from '../upstream/backend.ts'
import type { Claimant, ClaimRefusal, Claims, LongLived, Outcome } from './claim.ts'

/** A pool, and a backend beside it that answers some requests alone: nothing of it is counted, limited or compared. */
export class SideClaims implements Claims {
  private readonly pool: Claims
  readonly side: Backend
  private readonly isForSide: (target: string) => boolean

  /** @param isForSide whether a request with this target goes to the backend at the side */
  constructor(pool: Claims, address: BackendAddress, isForSide: (target: string) => boolean) {
    this.pool = pool
    this.side = {
      // No id of a declared backend, which has no spaces.
      id: 'at the side',
      address,
      maxInFlight: Number.POSITIVE_INFINITY,
      inFlight: 0,
      generation: undefined,
      leaving: false,
      onTrial: false,
      answers: new RecentAnswers(),
    }
    this.isForSide = isForSide
  }

  get queued(): number {
    return this.pool.queued
  }

  get capacity(): number {
    return this.pool.capacity
  }

  get waitsForBackends(): boolean {
    return this.pool.waitsForBackends
  }

  get isPressed(): boolean {
    return this.pool.isPressed
  }

  claim(claimant: Claimant, tried: readonly Backend[] = []): Backend | 'queued' | ClaimRefusal {
    if (!this.isForSide(claimant.target ?? '')) return this.pool.claim(claimant, tried)
    return tried.includes(this.side) ? 'no-backend' : this.side
  }

  hasOther(backend: Backend): boolean {
    return backend !== this.side && this.pool.hasOther(backend)
  }

  withdraw(claimant: Claimant): void {
    this.pool.withdraw(claimant)
  }

  release(backend: Backend, outcome: Outcome, trial?: boolean): void {
    if (backend !== this.side) this.pool.release(backend, outcome, trial)
  }

  hasRoom(backend: Backend): boolean {
    return backend === this.side || this.pool.hasRoom(backend)
  }

  hold(backend: Backend, kind: LongLived, trial?: boolean): void {
    if (backend !== this.side) this.pool.hold(backend, kind, trial)
  }

  letGo(backend: Backend, kind: LongLived, outcome: Outcome): void {
    if (backend !== this.side) this.pool.letGo(backend, kind, outcome)
  }

  mayRetry(): boolean {
    return this.pool.mayRetry()
  }
}
