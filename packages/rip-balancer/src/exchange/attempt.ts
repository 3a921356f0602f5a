import type { Backend } from '../upstream/backend.ts'
import type { LongLived, Outcome } from '../pool/claim.ts'
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
  /** Its response waits for the client. */
  private isHeldUp = false
  private ownLongLife: LongLife | undefined = undefined
  private readonly plane: DataPlane
  private readonly facts: ExchangeFacts

  constructor(plane: DataPlane, facts: ExchangeFacts) {
    this.plane = plane
    this.facts = facts
  }

  /** Made when there is the question of one. */
  get longLife(): LongLife {
    this.ownLongLife ??= new LongLife(this.plane, this.facts)
    return this.ownLongLife
  }

  /** It has become a tunnel or an event stream. */
  get isLongLived(): boolean {
    return this.ownLongLife?.hasBegun === true
  }

  /** Whether it takes a place at a backend that other requests could have. */
  get takesPlace(): boolean {
    return this.backend !== undefined && !this.backend.leaving && !this.isLongLived
  }

  /** For how long the backend has been claimed. */
  get ageMs(): number {
    return this.plane.turn.clock.nowMs - this.claimedAtMs
  }

  /** Begins with a backend that was claimed. */
  begin(backend: Backend): void {
    this.backend = backend
    this.onTrial = backend.onTrial
    this.claimedAtMs = this.plane.turn.clock.nowMs
    this.facts.tried = backend
    this.facts.reason = undefined
  }

  /** It becomes a tunnel or an event stream. */
  beginLongLife(kind: LongLived): void {
    this.longLife.begin(kind, this.backend!, this.onTrial)
  }

  /** The client takes no more of the response for now. */
  pause(): void {
    this.upstream?.pause()
    this.holdUp()
  }

  /** The client goes on. */
  resume(): void {
    this.letGoOn()
    this.upstream?.resume()
  }

  /** Gives the place back, if there is one. */
  release(outcome: Outcome): void {
    this.letGoOn()
    const { backend } = this
    this.backend = undefined
    if (backend === undefined) return
    if (this.isLongLived) this.longLife.end(backend, outcome)
    else this.plane.claims.release(backend, outcome, this.onTrial)
  }

  /** Gives the connection up, if there is one. */
  disconnect(): void {
    const { upstream } = this
    this.upstream = undefined
    upstream?.destroy()
  }

  private holdUp(): void {
    if (this.isHeldUp || this.backend === undefined) return
    this.isHeldUp = true
    this.plane.upstreams.holdUp(this.backend, 1)
  }

  private letGoOn(): void {
    if (!this.isHeldUp) return
    this.isHeldUp = false
    this.plane.upstreams.holdUp(this.backend!, -1)
  }
}
