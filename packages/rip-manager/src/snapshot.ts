import type { BootFailure } from '@rip/worker/protocol'
import type { GenerationId } from './upstreams.ts'

/** Raised when a field of the snapshot or of an event changes its meaning. */
export const SNAPSHOT_VERSION = 1

/** `ready`: serves requests; `standby`: is ready to, while other code serves. */
export type WorkerPhase = 'starting' | 'ready' | 'standby' | 'draining' | 'exited'

/** Why a worker is replaced by plan. `memory-budget`: the limit of all together was nearly used up, and it was the largest. */
export type RecycleReason =
  'requests' | 'memory' | 'memory-budget' | 'lifetime' | 'restart' | 'unhealthy' | 'signal' | 'socket-lost'

/** Why a worker's process ended. */
export type ExitReason =
  | { readonly kind: 'drained' }
  | {
      readonly kind: 'recycled'
      readonly because: RecycleReason
    }
  | {
      readonly kind: 'crashed'
      readonly code: number | null
      readonly signal: string | null
      readonly stderr: string
    }
  | { readonly kind: 'oom' }
  | { readonly kind: 'boot-timeout'; readonly afterMs: number }
  | { readonly kind: 'boot-failed'; readonly failure: BootFailure }
  | {
      readonly kind: 'stuck-loop'
      readonly silentMs: number
      /** What blocked it, innermost frame first, as the lines of an error's stack; absent if it could not tell. */
      readonly stack?: string
    }
  | { readonly kind: 'killed'; readonly because: 'drain-deadline' | 'superseded' | 'stop' }

export interface WorkerSnapshot {
  readonly slot: number
  readonly incarnation: number
  readonly pid: number
  readonly phase: WorkerPhase
  readonly generation: GenerationId
  readonly socket: string
  readonly sinceMs: number
  readonly bootMs?: number
  /** Requests that are being answered, without the two that follow. */
  readonly inFlight: number
  readonly webSockets: number
  readonly eventStreams: number
  readonly requests: number
  readonly rssBytes: number
  readonly loopLagMs: number
}

export type RefusalCode =
  | 'build-failed'
  /** The configuration that came with it cannot be used. */
  | 'config-invalid'
  | 'boot-failed'
  | 'boot-timeout'
  | 'verify-failed'
  | 'routing-failed'
  /** It served, and its answers failed: the one before serves again. */
  | 'rolled-back'
  | 'superseded'
  | 'held'
  | 'stopping'

/** Why a generation does not serve. Kept until other content is admitted. */
export interface Refusal {
  readonly code: RefusalCode
  readonly generation: GenerationId
  /** One sentence for the operator. */
  readonly message: string
  readonly failure?: BootFailure
  /** End of the candidate's standard error. */
  readonly stderr?: string
  /** Milliseconds since the epoch. */
  readonly atMs: number
}

/** `degraded`: fewer ready workers than wanted; `crash-loop`: the crash budget is spent, retries are slow. */
export type PoolHealth = 'starting' | 'ok' | 'degraded' | 'crash-loop' | 'held' | 'stopping' | 'stopped'

/** What became of a configuration that was read again: texts for the operator. */
export interface ConfigurationChange {
  /** What is in force from now on, such as `workers: 1 → 3`. */
  readonly applied: readonly string[]
  /** What takes a restart, with what it takes. */
  readonly pending: readonly string[]
}

/** A configuration in force. */
export interface Configuration extends ConfigurationChange {
  readonly values: Readonly<Record<string, unknown>>
}

/** Everything an operator may ask, as plain JSON; also the answer of `GET /status`. */
export interface ManagerSnapshot {
  readonly version: typeof SNAPSHOT_VERSION
  readonly name: string
  readonly pid: number
  readonly root: string
  readonly health: PoolHealth
  readonly generation: GenerationId | null
  readonly previousGeneration: GenerationId | null
  readonly wantedWorkers: number
  readonly readyWorkers: number
  readonly watching: boolean
  readonly held: boolean
  readonly reloads: { readonly admitted: number; readonly refused: number }
  readonly restarts: number
  readonly lastRefusal: Refusal | null
  /** What it runs with, as whoever configures it has told. */
  readonly configuration?: Pick<Configuration, 'values' | 'pending'>
  readonly workers: readonly WorkerSnapshot[]
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number
}

/** What happened, in order. `atMs` is milliseconds since the epoch, `seq` grows by one. */
export type ManagerEvent = { readonly seq: number; readonly atMs: number } & ManagerEventBody

export type ManagerEventBody =
  | { readonly type: 'starting'; readonly generation: GenerationId; readonly workers: number }
  | {
      readonly type: 'ready'
      readonly generation: GenerationId
      readonly workers: number
      readonly tookMs: number
    }
  | {
      readonly type: 'worker-started'
      readonly slot: number
      readonly pid: number
      readonly generation: GenerationId
    }
  | { readonly type: 'worker-ready'; readonly slot: number; readonly pid: number; readonly bootMs: number }
  | {
      readonly type: 'worker-exited'
      readonly slot: number
      readonly pid: number
      readonly reason: ExitReason
      readonly uptimeMs: number
      readonly requests: number
      /** Delay before the replacement is started; absent when there is none. */
      readonly respawnInMs?: number
    }
  | { readonly type: 'generation-building'; readonly generation: GenerationId; readonly because: string }
  | { readonly type: 'generation-verified'; readonly generation: GenerationId }
  | {
      readonly type: 'generation-cut'
      readonly generation: GenerationId
      readonly previous: GenerationId | null
      readonly tookMs: number
    }
  /**
   * There is no memory to start as many workers as are wanted beside those that are there: the generation takes over
   * with `ready` of them, the rest starts as the ones before leave, and none of those stands by for a rollback.
   */
  | {
      readonly type: 'surge-limited'
      readonly generation: GenerationId
      readonly ready: number
      readonly wanted: number
      /** Left when it was decided, in the control group or on the machine. */
      readonly availableBytes: number
      /** What one worker was reckoned with, as measured. */
      readonly workerBytes: number
    }
  | { readonly type: 'generation-retired'; readonly generation: GenerationId; readonly abandoned: number }
  | { readonly type: 'generation-refused'; readonly refusal: Refusal }
  /** A reload was asked for, and what is on disk is what serves. */
  | { readonly type: 'generation-unchanged'; readonly generation: GenerationId }
  /** Many answers failed after the cut: from here on, lots decide which of the two generations answers a request. */
  | {
      readonly type: 'generation-suspected'
      readonly generation: GenerationId
      readonly previous: GenerationId
      readonly errors: number
      readonly requests: number
    }
  /** Requests drawn for the generation before fail as often: it gets no more of them. */
  | { readonly type: 'generation-cleared'; readonly generation: GenerationId }
  | {
      readonly type: 'rolled-back'
      readonly from: GenerationId
      readonly to: GenerationId
      readonly because: string
    }
  | ({ readonly type: 'configured' } & ConfigurationChange)
  | { readonly type: 'scaled'; readonly workers: number }
  | { readonly type: 'held' }
  | { readonly type: 'released' }
  | { readonly type: 'health'; readonly health: PoolHealth }
  | {
      readonly type: 'service-exited'
      readonly service: string
      readonly status: string
      readonly respawnInMs: number
    }
  | { readonly type: 'service-ready'; readonly service: string; readonly pid: number }
  | { readonly type: 'warning'; readonly message: string }
  /** `delayMs`: how long it serves on before requests are drained; absent when that begins at once. */
  | { readonly type: 'stopping'; readonly delayMs?: number }
  | { readonly type: 'stopped'; readonly abandoned: number }
