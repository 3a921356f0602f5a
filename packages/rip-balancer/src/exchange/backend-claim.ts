import type { Claimant, ClaimRefusal } from '../pool/claim.ts'
import type { Backend } from '../upstream/backend.ts'
import { asksForEventStream } from './event-stream.ts'
import type { ExchangeContext } from './exchange-context.ts'
import { causeOf } from './failure.ts'
import type { EndCause } from './record.ts'
import type { RequestRelay } from './request-relay.ts'
import type { Retries } from './retries.ts'

const NO_NAMES: readonly string[] = []

/** Hears what becomes of a claim that waited in the queue of the pool. */
export interface ClaimOwner {
  granted(backend: Backend): void
  refused(cause: EndCause): void
}

/** The claim of an exchange on a backend: what the pool asks about the request, what it notes on it, and what it says. */
export class BackendClaim implements Claimant {
  private readonly context: ExchangeContext
  private readonly request: RequestRelay
  private readonly retries: Retries
  private readonly owner: ClaimOwner

  constructor(context: ExchangeContext, request: RequestRelay, retries: Retries, owner: ClaimOwner) {
    this.context = context
    this.request = request
    this.retries = retries
    this.owner = owner
  }

  /** @returns the backend, `undefined` when the request waits in the queue, or why there is none */
  make(): Backend | EndCause | undefined {
    const result = this.context.plane.claims.claim(this, this.retries.tried)
    if (result === 'queued') return undefined
    return typeof result === 'string' ? this.causeOfRefusal(result) : result
  }

  /** Leaves the queue. */
  withdraw(): void {
    this.noteWait()
    this.context.plane.claims.withdraw(this)
  }

  /** The wait that ends now, in the queue or in front of the next attempt, is part of the record. */
  noteWait(): void {
    const { facts, plane, progress } = this.context
    facts.queueMs += progress.inPhaseMs(plane.turn.clock.nowMs)
  }

  // --- Claimant

  granted(backend: Backend): void {
    this.noteWait()
    this.owner.granted(backend)
  }

  refused(reason: ClaimRefusal): void {
    this.noteWait()
    this.owner.refused(this.causeOfRefusal(reason))
  }

  get target(): string {
    return this.context.facts.target
  }

  get lot(): number {
    return this.context.facts.lot
  }

  set lot(lot: number) {
    this.context.facts.lot = lot
  }

  get lotFailed(): boolean {
    return this.context.facts.lotFailed
  }

  set lotFailed(failed: boolean) {
    this.context.facts.lotFailed = failed
  }

  /** What the hash policy binds to a backend. */
  get hashKey(): string | undefined {
    return this.context.plane.settings.hashKey(this.context.facts)
  }

  /** Names of backends in the client's cookies. */
  get stickyNames(): readonly string[] {
    return this.context.plane.settings.sticky?.namesIn(this.context.facts) ?? NO_NAMES
  }

  /** Value of the field whose values belong to backends. */
  get learnedKey(): string | undefined {
    return this.context.plane.settings.learned?.keyIn(this.context.facts)
  }

  get asksForTunnel(): boolean {
    return this.request.asksForTunnel
  }

  get expectsLongLife(): boolean {
    return this.asksForTunnel || asksForEventStream(this.context.facts.request!)
  }

  get isRepeatable(): boolean {
    return this.request.isRepeatable
  }

  /** Where no backend is left, the failure of the last attempt says more than that. */
  private causeOfRefusal(reason: ClaimRefusal): EndCause {
    return causeOf(reason === 'no-backend' ? (this.retries.lastFailure ?? reason) : reason)
  }
}
