import type { Backend } from '../upstream/backend.ts'
import type { Claims, LongLived, Outcome } from '../pool/claim.ts'
import type { Clock } from '../transport/clock.ts'
import type { UpstreamExchange } from '../upstream/upstream-exchange.ts'
import type { DataPlane } from './data-plane.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import type { LongLivedRefusal } from './long-lived-counts.ts'

/**
 * The attempt an exchange is making: the place it has claimed at a backend, and the connection that carries it there.
 * The place is released exactly once. A tunnel or an event stream gives it back early, and is held instead: then it is
 * counted by itself, and let go of exactly once.
 */
export class Attempt {
  /** The backend whose place it has claimed, or that holds it. */
  backend: Backend | undefined
  upstream: UpstreamExchange | undefined
  /** The backend was put aside, and this request shows whether it can come back. */
  onTrial = false
  /** One side of the tunnel sends nothing more. */
  tunnelEnds = false
  /** When the backend was claimed, in monotonic milliseconds. */
  claimedAtMs = 0
  private heldAs: LongLived | undefined
  /** The client address it is counted for while it is held, if it is. */
  private heldFor: string | undefined
  private readonly plane: DataPlane
  private readonly facts: ExchangeFacts
  private readonly claims: Claims
  private readonly clock: Clock

  constructor(plane: DataPlane, facts: ExchangeFacts) {
    this.plane = plane
    this.facts = facts
    this.claims = plane.claims
    this.clock = plane.turn.clock
  }

  get isHeld(): boolean {
    return this.heldAs !== undefined
  }

  /** Whether it takes a place at a backend that other requests could have. */
  get takesPlace(): boolean {
    return this.backend !== undefined && !this.backend.leaving && this.heldAs === undefined
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
    this.tunnelEnds = false
    this.facts.backend = backend.id
    this.facts.generation = backend.generation
    this.facts.answers = backend.answers
    this.facts.reason = undefined
  }

  /** Why the client, or all of them, may have no more tunnels and event streams. */
  get refusalOfClient(): LongLivedRefusal | undefined {
    return this.plane.longLived.refusal(this.facts.countedAddress, this.plane.settings.limits)
  }

  /** Why the backend or the client may have no more of them. */
  get refusalToHold(): LongLivedRefusal | 'long-lived-backend' | undefined {
    return this.claims.hasRoom(this.backend!) ? this.refusalOfClient : 'long-lived-backend'
  }

  /** What lasts for as long as its client likes takes no place that requests could have. */
  hold(kind: LongLived): void {
    this.heldAs = kind
    this.heldFor = this.facts.countedAddress
    this.plane.longLived.add(this.heldFor)
    this.claims.hold(this.backend!, kind, this.onTrial)
  }

  /** Gives the place back, if there is one. */
  release(outcome: Outcome): void {
    const { backend, heldAs } = this
    this.backend = undefined
    if (backend === undefined) return
    if (heldAs === undefined) this.claims.release(backend, outcome, this.onTrial)
    else this.letGo(backend, heldAs, outcome)
  }

  /** Gives the connection up, if there is one. */
  disconnect(): void {
    const { upstream } = this
    this.upstream = undefined
    upstream?.destroy()
  }

  private letGo(backend: Backend, kind: LongLived, outcome: Outcome): void {
    this.plane.longLived.remove(this.heldFor)
    this.heldAs = this.heldFor = undefined
    this.claims.letGo(backend, kind, outcome)
  }
}
