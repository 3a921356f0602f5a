import type { Backend, LaneCounts } from '../upstream/backend.ts'
import type { BackendAddress } from '../address/backend-address.ts'
import type { LongLived } from './claim.ts'
import type { PoolClock } from './clock.ts'
import type { Ejection } from './ejection.ts'
import { keyHash, type KeyHash } from './key-hash.ts'
import { Quiet } from './quiet.ts'
import { RecentAnswers } from '../answers/recent-answers.ts'
import { RecentOutcomes } from './recent-outcomes.ts'

/** What is declared about a backend; the rest has defaults. */
export interface BackendSpec {
  readonly id: string
  readonly address: BackendAddress
  readonly maxInFlight: number
  /** Relative share of requests; 0 takes no new ones. */
  readonly weight: number
  /** Id of a declared backend that is a name, of which this is one address. */
  readonly origin?: string
}

/** Whether a backend may take one more request now. */
export type Eligible = (backend: PooledBackend) => boolean

/** A backend with what the pool knows about it. Only the pool and its policies change it. */
export class PooledBackend implements Backend {
  readonly id: string
  readonly address: BackendAddress
  readonly generation: string | undefined
  maxInFlight: number
  weight: number
  inFlight = 0
  /** What it holds, beside the requests in flight. */
  readonly held: Record<LongLived, number> = { tunnel: 0, 'event-stream': 0 }
  /** Requests given to it since it joined. */
  requests = 0
  failures = 0
  /** No longer declared: takes nothing new and is forgotten when it has nothing left to do. */
  leaving = false
  /** Result of active health checks; `true` without any. */
  healthy = true
  /** It failed its last health check, but not as many in a row as take it out: other backends are preferred. */
  ailing = false
  /** What the last health check said against it, while it is not healthy. */
  illness: string | undefined
  /** Who drained it: it takes nothing new until it is undrained. */
  drainedBy: string | undefined
  /** When it joined others that serve, or recovered, and its capacity began to grow; long ago for who starts at full size. */
  joinedAtMs: number = Number.NEGATIVE_INFINITY
  readonly answers: RecentAnswers = new RecentAnswers()
  lanes: LaneCounts | undefined
  readonly recent: RecentOutcomes = new RecentOutcomes()
  /** How long it takes to answer anything; counts while requests are in flight. */
  readonly quiet: Quiet = new Quiet()
  failuresInARow = 0
  /** Its last request failed: until then, or its next answer, what cannot be sent again goes elsewhere. */
  doubtedUntilMs = 0
  /** After a suspicion: until then, too. */
  unprovenUntilMs = 0
  /** When it was last asked because a request failed. */
  askedAtMs: number = Number.NEGATIVE_INFINITY
  /** Whether it has an answer to the balancer's own question when it is well; unknown at first. */
  answersQuestions: boolean | undefined
  /** Why its last attempt failed, if TLS is the reason; only until the attempt is judged. */
  tlsFailure: string | undefined
  /** Set while it is put aside. */
  ejection: Ejection | undefined
  /** How often it was put aside without having behaved well for long in between. */
  strikes = 0
  /** Until this time one failure is enough to put it aside again. */
  probationUntilMs = 0
  /** One request finds out whether it can come back. */
  onTrial = false
  /** When it is its turn among equals of the policy `least-requests`. */
  turnAt = 0
  /** For the policy `hash`. */
  readonly hash: KeyHash

  constructor(spec: BackendSpec, generation: string | undefined) {
    this.id = spec.id
    this.address = spec.address
    this.maxInFlight = spec.maxInFlight
    this.weight = spec.weight
    this.hash = keyHash(spec.id)
    this.generation = generation
  }

  /** Takes new requests as far as its declaration and its health checks go, and unless it is drained. */
  get isUsed(): boolean {
    return this.healthy && this.weight > 0 && this.drainedBy === undefined
  }

  /** One more request is given to it. */
  take(clock: PoolClock): void {
    this.onTrial = this.ejection !== undefined
    // Reading the clock costs as much as half of the rest: that is for those who are not busy.
    if (this.inFlight === 0) this.quiet.begin(clock.nowMs())
    this.quiet.unanswered++
    this.inFlight++
    this.requests++
  }

  /** A request has ended, or lives on without a place. @throws when none is in flight */
  leave(): void {
    if (this.inFlight === 0) throw new Error(`${this.id} was released more often than it was claimed`)
    this.inFlight--
  }

  /** Tunnels and event streams it holds. */
  get longLived(): number {
    return this.held.tunnel + this.held['event-stream']
  }

  /** All it has to do: requests, tunnels and event streams. */
  get underWay(): number {
    return this.inFlight + this.longLived
  }

  /** Whether the specification names the same server. */
  matches(spec: BackendSpec): boolean {
    return this.id === spec.id && Bun.deepEquals(this.address, spec.address, true)
  }

  /** Takes over what may change while it serves. */
  update(spec: BackendSpec): void {
    this.maxInFlight = spec.maxInFlight
    this.weight = spec.weight
  }
}
