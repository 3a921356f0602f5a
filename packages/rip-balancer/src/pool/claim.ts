/**
 * The seam between the data plane and the pool: the data plane claims a backend for one exchange and releases it
 * exactly once. Types only.
 */

import type { Backend } from '../upstream/backend.ts'

/** What lasts for as long as its client likes, and leaves its place to others. */
export type LongLived = 'tunnel' | 'event-stream'

/**
 * Why no backend could be claimed. `long-lived-backend`: the request asks for a tunnel, and the backend holds as many
 * tunnels and event streams as it may.
 */
export type ClaimRefusal = 'queue-full' | 'queue-timeout' | 'no-backend' | 'closing' | 'long-lived-backend'

/** The request that claims; implemented by the exchange itself, so that a claim allocates nothing. */
export interface Claimant {
  /** Target of the request; read only where some requests are not the pool's. */
  readonly target?: string
  /** Key of the hash policy; computed when asked for. */
  readonly hashKey: string | undefined
  /** Backends that the client's cookies name, for the sticky policy; computed when asked for. */
  readonly stickyNames: readonly string[]
  /** Value of the field that the learn policy knows backends by; computed when asked for. */
  readonly learnedKey: string | undefined
  /** Can be sent to another backend if this one fails; such requests try a backend that was put aside. */
  readonly isRepeatable: boolean
  /**
   * Written by the pool when it draws lots between two generations, 0 before: the number of the comparison for the one
   * that serves, negative for the other.
   */
  lot: number
  /** Written by the pool: who was drawn lost it, and it had to be sent again. */
  lotFailed: boolean
  /** The request asks for a tunnel. No lot decides which generation answers it: that would bind the client for long. */
  readonly asksForTunnel: boolean
  /** The request says that it becomes a tunnel or an event stream; read only while a backend holds some. */
  readonly expectsLongLife: boolean
  /** A queued claim got its backend. Called at most once, never inside `claim`. */
  granted(backend: Backend): void
  /** A queued claim was given up by the pool. Called at most once, never inside `claim`. */
  refused(reason: ClaimRefusal): void
}

/**
 * How the use of a backend ended. `local-failure` means that this process is to blame (no file descriptor left),
 * `client-gone` that the client left, `stale` that a kept connection had been closed already; none of these three says
 * anything about the backend.
 */
export type Outcome =
  | 'ok'
  | 'connect-failed'
  | 'connect-timeout'
  | 'response-timeout'
  | 'reset'
  | 'stale'
  | 'bad-response'
  | 'client-gone'
  | 'local-failure'

/** What a pool offers to the data plane. */
export interface Claims {
  /** Requests waiting for a backend. */
  readonly queued: number
  /** Requests that all backends in use take at once. */
  readonly capacity: number
  /** Backends that die are replaced: a request that finds none that accepts waits for one. */
  readonly waitsForBackends: boolean
  /** Backends are scarce: requests wait, or one more would take more than half of what all of them take at once. */
  readonly isPressed: boolean
  /**
   * Claims a backend in the same tick, in-flight count included, or takes a place in the queue.
   *
   * @param tried the backends this request failed at: taken again only if no other is eligible and they are not put aside
   */
  claim(claimant: Claimant, tried?: readonly Backend[]): Backend | 'queued' | ClaimRefusal
  /** Whether a backend other than this one could be claimed right now. */
  hasOther(backend: Backend): boolean
  /** Leaves the queue; the place is free at once. Does nothing when the claimant is not queued. */
  withdraw(claimant: Claimant): void
  /** Gives a claimed backend back; once per claim, unless `hold` did. @param trial it was on trial when it was claimed */
  release(backend: Backend, outcome: Outcome, trial?: boolean): void
  /** Whether the backend may hold one more tunnel or event stream. */
  hasRoom(backend: Backend): boolean
  /**
   * The claim has become a tunnel or an event stream: its place is free, it counts among those from now on, and `letGo`
   * follows in place of `release`. @param trial as for `release`
   */
  hold(backend: Backend, kind: LongLived, trial?: boolean): void
  /** A held one has ended; exactly once for each `hold`. */
  letGo(backend: Backend, kind: LongLived, outcome: Outcome): void
  /** Takes one retry from the budget; `false` when the budget is used up. */
  mayRetry(): boolean
}
