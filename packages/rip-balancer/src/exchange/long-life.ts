import type { Claims, LongLived, Outcome } from '../pool/claim.ts'
import type { Backend } from '../upstream/backend.ts'
import type { DataPlane } from './data-plane.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import type { LongLivedRefusal } from './long-lived-counts.ts'

/**
 * The long life of an exchange that has become a tunnel or an event stream. It takes no place at its backend that requests
 * could have, and is counted instead: for the backend, for the client, and for the balancer.
 */
export class LongLife {
  /** One side of the tunnel sends nothing more. */
  tunnelEnds = false
  private kind: LongLived | undefined
  /** The client address it is counted for, if it is. */
  private countedFor: string | undefined
  private readonly plane: DataPlane
  private readonly facts: ExchangeFacts
  private readonly claims: Claims

  constructor(plane: DataPlane, facts: ExchangeFacts) {
    this.plane = plane
    this.facts = facts
    this.claims = plane.claims
  }

  get hasBegun(): boolean {
    return this.kind !== undefined
  }

  /** Why the backend or the client may have no more of them. */
  refusalAt(backend: Backend): LongLivedRefusal | 'long-lived-backend' | undefined {
    return this.claims.hasRoom(backend) ? this.refusalOfClient : 'long-lived-backend'
  }

  /** Why the client, or all clients together, may have no more of them. */
  get refusalOfClient(): LongLivedRefusal | undefined {
    return this.plane.longLived.refusal(this.facts.countedAddress, this.plane.settings.limits)
  }

  /** The place that was claimed at the backend is given back. */
  begin(kind: LongLived, backend: Backend, onTrial: boolean): void {
    this.kind = kind
    this.tunnelEnds = false
    this.facts.held = true
    this.countedFor = this.facts.countedAddress
    this.plane.longLived.add(this.countedFor)
    this.claims.hold(backend, kind, onTrial)
  }

  /** Ends what has begun. */
  end(backend: Backend, outcome: Outcome): void {
    const kind = this.kind!
    this.plane.longLived.remove(this.countedFor)
    this.kind = this.countedFor = undefined
    this.claims.letGo(backend, kind, outcome)
  }
}
