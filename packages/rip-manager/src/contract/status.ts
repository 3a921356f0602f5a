import type { Refusal } from './refusal.ts'
import type { GenerationId } from './router.ts'

/** Raised when a field of the status or of an event changes its meaning. */
export const STATUS_VERSION = 1

/** `ready`: serves requests; `standby`: is ready to, while other code serves. */
export type WorkerState = 'starting' | 'ready' | 'standby' | 'draining' | 'exited'

export interface WorkerStatus {
  readonly slot: number
  readonly incarnation: number
  readonly pid: number
  readonly state: WorkerState
  readonly generation: GenerationId
  readonly socket: string
  readonly sinceMs: number
  readonly bootMs?: number
  /** Requests that are being answered, without WebSockets and event streams. */
  readonly inFlight: number
  readonly webSockets: number
  readonly eventStreams: number
  readonly requests: number
  readonly rssBytes: number
  readonly loopLagMs: number
}

/** `degraded`: fewer ready workers than wanted; `crash-loop`: the crash budget is spent, one worker at a time is tried. */
export type ManagerHealth = 'starting' | 'ok' | 'degraded' | 'crash-loop' | 'held' | 'stopping' | 'stopped'

/** What became of a configuration that was read again: texts for the operator. */
export interface ConfigurationChange {
  /** What is in force from now on, such as `workers: 1 → 3`. */
  readonly applied: readonly string[]
  /** What takes effect with a restart, and with which one. */
  readonly pending: readonly string[]
}

/** A configuration in force. */
export interface Configuration extends ConfigurationChange {
  readonly values: Readonly<Record<string, unknown>>
}

/** Everything an operator may ask, as plain JSON; also the answer of `GET /status`. */
export interface ManagerStatus {
  readonly version: typeof STATUS_VERSION
  readonly name: string
  readonly pid: number
  readonly root: string
  readonly health: ManagerHealth
  readonly generation: GenerationId | null
  readonly previousGeneration: GenerationId | null
  readonly wantedWorkers: number
  readonly readyWorkers: number
  readonly watching: boolean
  readonly held: boolean
  readonly reloads: { readonly admitted: number; readonly refused: number }
  readonly restarts: number
  readonly lastRefusal: Refusal | null
  /** What it runs with, as the caller of `tellConfiguration` has said. */
  readonly configuration?: Pick<Configuration, 'values' | 'pending'>
  readonly workers: readonly WorkerStatus[]
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number
}
