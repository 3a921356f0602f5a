import type { MessageCounts } from '@rip/worker/protocol'
import type { ExitReason } from './exit-reason.ts'
import type { Refusal } from './refusal.ts'
import type { GenerationId } from './router.ts'
import type { Verdict } from './verdict.ts'

/** Raised when a field of the status or of an event changes its meaning. */
export const STATUS_VERSION = 1

/** `ready`: serves requests; `standby`: is ready to, while other code serves. */
export type WorkerState = 'starting' | 'ready' | 'standby' | 'draining' | 'exited'

export interface WorkerStatus extends MessageCounts {
  readonly slot: number
  readonly incarnation: number
  readonly pid: number
  readonly state: WorkerState
  readonly generation: GenerationId
  readonly socket: string
  readonly sinceMs: number
  readonly bootMs?: number
  /**
   * Requests that are being answered, without WebSockets and event streams: as the balancer counts them, else as the worker
   * said last.
   */
  readonly inFlight: number
  readonly webSockets: number
  readonly eventStreams: number
  readonly requests: number
  readonly rssBytes: number
  /** File descriptors it can still open, at most; absent where that is not known. */
  readonly freeDescriptors?: number
  /** How late its event loop is: by its last word, or by how long that is overdue. */
  readonly loopLagMs: number
  /** As the balancer counts them; absent without a balancer. */
  readonly answers?: AnswerRates
  /** Requests that the balancer has sent it so far, and how many at once it may get; absent without a balancer. */
  readonly sent?: number
  readonly maxInFlight?: number
}

/**
 * `starting`: loads, or begins; `prepared`: waits for its turn; `working`; `ending`: was told to end; `waiting`: none is
 * there, the next one starts later.
 */
export type BackgroundProcessState = 'starting' | 'prepared' | 'working' | 'ending' | 'waiting'

/** A program that works in the background. */
export interface BackgroundStatus extends MessageCounts {
  readonly name: string
  readonly state: BackgroundProcessState
  /** Of the process that works, else of the newest; `null` without one, as the next. */
  readonly pid: number | null
  readonly generation: GenerationId | null
  /** Milliseconds since the epoch. */
  readonly sinceMs: number | null
  readonly rssBytes: number
  readonly loopLagMs: number
  /** How often it was started again because it had ended. */
  readonly restarts: number
  /** `null` when it has not ended by itself for a while. */
  readonly crashes: Omit<CrashRecord, 'slot'> | null
}

/** Answers of the last minute. */
export interface AnswerRates {
  /** How long was counted: less than a minute for what is younger. */
  readonly windowMs: number
  readonly requests: number
  readonly perSecond: number
  readonly statuses: Readonly<Record<'1xx' | '2xx' | '3xx' | '4xx' | '5xx', number>>
  /** Of the requests, those with a 5xx status, and those that were cut off or got no answer in time. */
  readonly failed: number
  /** How long it took until half, 95 and 99 % of the answers began, at most 9 % off; `null` without requests. */
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
}

/** Answers of one generation in the last minute. */
export interface GenerationAnswers extends AnswerRates {
  readonly generation: GenerationId
}

/** Answers of one generation since its first one. */
export interface GenerationTotals {
  readonly generation: GenerationId
  readonly requests: number
  readonly failed: number
  /** How many began within 0.25 ms × 2^(n/4), n from 0 on, and not sooner. */
  readonly latencies: readonly number[]
}

/** Counts that only grow as long as the balancers live: readers make figures of any span from the difference of two. */
export interface TrafficCounts {
  /** Processes of the balancers. When one of them is another, counts have begun anew. */
  readonly balancers: readonly number[]
  /** Open connections of clients. */
  readonly connections: number
  /** Requests that wait for a worker. */
  readonly queued: number
  /** Requests that have ended by class of status, with the answers that the balancers gave themselves. */
  readonly statuses: AnswerRates['statuses']
  readonly generations: readonly GenerationTotals[]
}

/** A certificate that serves. */
export interface ServedCertificate {
  readonly file: string
  /** Hosts and addresses it is for. */
  readonly names: readonly string[]
  /** Milliseconds since the epoch, as the next. */
  readonly validFromMs: number
  readonly expiresAtMs: number
  /** Why that file, as it is now, is not what serves; else `null`. */
  readonly problem: string | null
}

/** Workers that ended by themselves, one soon after the other. */
export interface CrashRecord {
  readonly count: number
  /** The last one of them. */
  readonly slot: number
  readonly reason: ExitReason
  /** Milliseconds since the epoch. */
  readonly atMs: number
  /** When the next worker is started, milliseconds since the epoch; `null` when none is waited for. */
  readonly nextStartAtMs: number | null
}

/**
 * `degraded`: fewer ready workers than wanted; `crash-loop`: the crash budget is spent, one worker at a time is tried;
 * `failing`: there are enough workers, and many of their answers fail.
 */
export type ManagerHealth =
  'starting' | 'ok' | 'degraded' | 'crash-loop' | 'failing' | 'held' | 'stopping' | 'stopped'

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
  /** Why it is not better, a sentence each; empty when there is nothing to say. */
  readonly healthReasons: readonly string[]
  readonly generation: GenerationId | null
  readonly previousGeneration: GenerationId | null
  readonly wantedWorkers: number
  readonly readyWorkers: number
  readonly watching: boolean
  readonly held: boolean
  readonly reloads: { readonly admitted: number; readonly refused: number }
  readonly restarts: number
  /** `null` when no worker has ended by itself for a while. */
  readonly crashes: CrashRecord | null
  /** As the balancer counts them; absent without a balancer. */
  readonly answers?: readonly GenerationAnswers[]
  /** As the balancers count them; absent without a balancer. */
  readonly traffic?: TrafficCounts
  /** As the balancer uses them; absent without a balancer. */
  readonly certificates?: readonly ServedCertificate[]
  readonly lastRefusal: Refusal | null
  /** Content on disk when a start, a reload or the watcher last looked, with the verdict on it; `null` before. */
  readonly disk: {
    readonly generation: GenerationId
    readonly verdict: Verdict | null
    /** Milliseconds since the epoch. */
    readonly atMs: number
  } | null
  /** The verdict on the serving code, if condemned code serves because there is no other. */
  readonly condemned: Verdict | null
  /** What it runs with, as the caller of `tellConfiguration` has said. */
  readonly configuration?: Pick<Configuration, 'values' | 'pending'>
  readonly workers: readonly WorkerStatus[]
  readonly background: readonly BackgroundStatus[]
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number
}
