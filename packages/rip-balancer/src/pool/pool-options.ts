import {
  DEFAULT_EJECT_AFTER,
  DEFAULT_EJECT_MAX_MS,
  DEFAULT_EJECT_MIN_MS,
  DEFAULT_EJECT_SHARE,
} from '../defaults.ts'
import type { Backend } from '../upstream/backend.ts'
import type { PoolClock } from './clock.ts'
import type { EjectionReason } from './ejection.ts'
import type { LearnedKeys } from './learned-keys.ts'
import type { PolicyName } from './policy.ts'
import type { Reach } from './reach.ts'
import type { StickyNames } from './sticky-names.ts'

export interface PoolOptions extends PoolSettings {
  /** @default 'app' */
  readonly name?: string
  readonly clock?: PoolClock
  /** A number in [0, 1). */
  readonly random?: () => number
  /** Names of backends in the cookies of clients, for the sticky policy. @default names that no client gets */
  readonly names?: StickyNames
  /** Which backend answers for a value of a field, for the learn policy. @default nothing is learned */
  readonly learned?: LearnedKeys
  /** Draws lots between two generations. @default by a secure source of chance */
  readonly tossCoin?: () => boolean
  readonly observer?: Partial<PoolObserver>
  /** Ids of backends that are drained from the start, and by whom. @default none */
  readonly drained?: ReadonlyMap<string, string> | undefined
  /** Finds out whether a backend accepts connections; replaced in tests. */
  readonly reach?: Reach
  /** Finds out whether a backend answers a question of the balancer's own; replaced in tests. */
  readonly ask?: Reach
  /**
   * Makes a call that hands backends to requests that waited, or refuses them. The balancer opens a turn of the event loop
   * around it. @default the call is simply made
   */
  readonly inTurn?: (call: () => void) => void
}

/** What may change while a pool serves. */
export interface PoolSettings {
  readonly policy?: PolicyName
  readonly queueLength?: number
  readonly queueTimeoutMs?: number
  /** The capacity of a backend that joins others or recovers grows to its full size over this time. @default 0 */
  readonly slowStartMs?: number
  /** Tunnels and event streams one backend holds at once. @default 9000 */
  readonly maxLongLivedPerBackend?: number
  /**
   * Backends that die are replaced: requests are queued while none is declared, or none accepts connections,
   * instead of being refused. @default false
   */
  readonly waitForBackends?: boolean
  readonly ejection?: Partial<EjectionOptions>
}

export interface EjectionOptions {
  /** Failures within some seconds that others do not have; a refused connection is always enough. @default 2 */
  readonly after: number
  /** How long a backend is put aside at first; twice as long each time. @default 1000 */
  readonly minMs: number
  readonly maxMs: number
  /** Share of the backends that may be put aside on suspicion, at least one; where no process listens, all may. @default 0.5 */
  readonly share: number
}

/** Told what changes; must not throw. */
export interface PoolObserver {
  /** Nothing more goes to this backend, and something is in flight there: its unused connections can be closed. */
  leaves(backend: Backend): void
  /** Nothing more goes to this backend, and nothing is in flight there: its connections can be closed. */
  retired(backend: Backend): void
  /** @param detail what is known in particular, as `tlsFailure` writes it */
  ejected(backend: Backend, forMs: number, reason: EjectionReason, detail: string | undefined): void
  readmitted(backend: Backend, reason: EjectionReason): void
  /** The result of active health checks changed. @param reason what the last one said against it, or why it is well if none said so */
  health(backend: Backend, healthy: boolean, reason: string | undefined): void
  /** It was drained: it takes nothing new. */
  drained(backend: Backend, by: string, underWay: number): void
  /** Nothing is in flight any more at a backend that was drained. */
  emptied(backend: Backend): void
  undrained(backend: Backend, by: string): void
  /** New requests go to this generation from now on. */
  cut(generation: string | null): void
}

export const DEFAULT_EJECTION: EjectionOptions = {
  after: DEFAULT_EJECT_AFTER,
  minMs: DEFAULT_EJECT_MIN_MS,
  maxMs: DEFAULT_EJECT_MAX_MS,
  share: DEFAULT_EJECT_SHARE,
}

export const silentObserver: PoolObserver = {
  leaves() {},
  retired() {},
  ejected() {},
  readmitted() {},
  health() {},
  drained() {},
  emptied() {},
  undrained() {},
  cut() {},
}
