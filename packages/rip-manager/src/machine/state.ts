import type { BootFailure, WorkerVitals } from '@rip/worker/protocol'
import type { Random, ResponseCounts, Snapshot, TreeState } from '../contract/ports.ts'
import type { ExitReason, RecycleReason } from '../contract/exit-reason.ts'
import type { ManagerHealth } from '../contract/status.ts'
import type { Refusal } from '../contract/refusal.ts'
import type { GenerationId } from '../contract/router.ts'
import type { CrashBudget, CrashBudgetLimits } from './crash-budget.ts'
import type { Effects } from './effects.ts'
import type { CommandId } from './inputs.ts'

/** Reason of the reload that begins everything. */
export const START = 'start'

/** Limits and settings, with every default applied. Zero turns a recycling limit off. */
export interface MachineConfig {
  readonly concurrency: number
  readonly speaksProtocol: boolean
  readonly bootTimeoutMs: number
  readonly drainTimeoutMs: number
  /** Longest drain when everything stops. */
  readonly stopTimeoutMs: number
  readonly stopDelayMs: number
  readonly settleMs: number
  readonly killGraceMs: number
  readonly beaconMs: number
  readonly stuckAfterMs: number
  readonly crash: CrashBudgetLimits
  readonly recycle: {
    readonly requests: number
    readonly memoryBytes: number
    readonly lifetimeMs: number
    readonly jitter: number
    readonly memorySamples: number
    readonly budgetShare: number
  }
  readonly cutAfter: 'all' | 'first'
  readonly maxRetiring: number
  readonly verifies: boolean
  readonly builds: boolean
  readonly observe: {
    readonly windowMs: number
    readonly minRequests: number
    readonly minErrors: number
    readonly maxErrorRate: number
    readonly everyMs: number
    /** Suspicion is confirmed by lots before anything is taken back. */
    readonly compares: boolean
  } | null
}

/** One version of the application, ready to be started any number of times. */
export interface Generation {
  readonly id: GenerationId
  readonly snapshot: Snapshot
  /** The same for every worker of the generation, whatever they are by then. */
  surroundings: Surroundings
}

/** What a process finds around itself. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

/**
 * `withdrawn`: out of the wanted rotation, until the router has acknowledged it and settled; `draining`: told
 * to finish and exit; `terminating`: sent TERM; `killed`: sent KILL.
 */
export type WorkerStage =
  'starting' | 'ready' | 'withdrawn' | 'draining' | 'terminating' | 'killed' | 'exited'

/** Why a worker is replaced by plan. */
export type RecycleCause = RecycleReason

/**
 * Whether a worker runs what its application runs once. `ending`: it was told to stand by and has not said that it
 * does.
 */
export type WorkerActivity = 'standby' | 'active' | 'ending'

export interface Worker {
  readonly id: string
  readonly slot: number
  readonly incarnation: number
  readonly pid: number
  readonly socket: string
  readonly group: Group
  readonly startedMs: number
  stage: WorkerStage
  stageSinceMs: number
  /** When the present stage has lasted too long. */
  deadlineMs: number
  /** When the router has settled after this worker left the rotation. */
  settledMs: number
  /** When a leaving worker has had its time. */
  drainByMs: number
  readyMs: number | null
  bootMs: number
  activity: WorkerActivity
  /** Number of the last order to stand by. */
  standbyOrder: number
  /** When it is not waited for any longer to stand by. */
  standbyByMs: number
  vitals: WorkerVitals
  heardMs: number
  /** Requests cut when it left, by its own account; null until it has given one. */
  aborted: number | null
  /** What its exit will mean; null means that an exit is a crash. */
  ending: ExitReason | null
  recycleAfterRequests: number
  recycleAfterMs: number
  samplesOverMemory: number
  /** Resident memory in its first beacon as a ready worker; 0 before. */
  freshBytes: number
  /** Waits for its turn to be replaced. */
  recycle: RecycleCause | null
  /** The worker whose place it takes once it is ready. */
  replaces: Worker | null
}

/**
 * `candidate`: not proven; `serving`: gets the requests; `warm`: was serving, stands by during the observation
 * window; `retiring`: leaves.
 */
export type GroupRole = 'candidate' | 'serving' | 'warm' | 'retiring'

/** The workers of one generation that came together. */
export interface Group {
  readonly generation: Generation
  role: GroupRole
  readonly workers: Set<Worker>
  readonly budget: CrashBudget
  /** No worker is started before. */
  spawnAfterMs: number
  lastCrashMs: number
  /** The one worker that is tried while the budget is spent. */
  probe: Worker | null
  /** The router reported the end of the drain. */
  routerDone: boolean
  /** Until then the router may draw lots for it, though another one serves. */
  drawnUntilMs: number
  /** Requests that were cut, by the router's account and by that of the workers. */
  abandoned: { byRouter: number; byWorkers: number }
  /** Had as many ready workers as were wanted; until then fewer are no loss. */
  complete: boolean
  /** Once served requests, so that its end is news. */
  served: boolean
  /** Took over with fewer workers than wanted: the rest starts as those before it leave. */
  growing: boolean
  /** There was no memory for all of its workers beside those before it. */
  limited: boolean
}

/** A wish to serve the newest content, by commands or by the watcher. */
export interface Wish {
  readonly commands: CommandId[]
  reason: string
  readonly sinceMs: number
  /** Also without a command, as the watcher does. */
  readonly unasked: boolean
  /** Read to make sure that the disk still has what is about to be cut over to. */
  confirms: boolean
  /** That a reload began was told, and its end has to be told, too. */
  readonly begun: boolean
  /** The content failed once already, so shortly after it was written that it may have been half-written. */
  retried: boolean
  /** How often newer content was met on disk at the last moment, in a row. */
  readonly outdated: number
}

/** A generation on its way to serve. */
export interface Rollout {
  /** Known for good when it is built. */
  generationId: GenerationId
  readonly kind: 'reload' | 'rollback'
  readonly tree: TreeState | null
  readonly commands: CommandId[]
  readonly reason: string
  readonly sinceMs: number
  readonly retried: boolean
  /** As in {@link Wish}. */
  readonly outdated: number
  /** Wanted also without a command, so that it goes on when commands are cancelled. */
  unasked: boolean
  stage: 'building' | 'candidate' | 'verifying' | 'filling' | 'confirming' | 'routing'
  /** Of the build or verification under way. */
  token: number
  group: Group | null
  /** Of the same content, from a rollout that failed while this one was being built. */
  leftover: Snapshot | null
  /** How often the router refused to switch to it. */
  routingFailures: number
}

export interface Routing {
  /** There is a router to talk to. */
  online: boolean
  /** The generation that gets new requests, as acknowledged. */
  cut: GenerationId | null
  /** Backends the router may be using, by generation. */
  readonly published: Map<GenerationId, ReadonlySet<string>>
  /** Generations of which it is not certain what the router was told last. */
  readonly uncertain: Set<GenerationId>
  pending: {
    readonly token: number
    readonly op: 'prepare' | 'cut'
    readonly generation: GenerationId
    readonly ids: ReadonlySet<string>
  } | null
  failures: number
  retryMs: number
}

export interface Observation {
  readonly before: Group
  untilMs: number
  /** What the generation had answered when it was first looked at. */
  baseline: ResponseCounts | null
  nextMs: number
  token: number
  /** Lots are drawn between the two generations. */
  comparing: boolean
  /** What crashed before is no reason for it. */
  crashesFromMs: number
  /** How often lots have cleared the generation that serves. */
  cleared: number
}

/** How the memory of all together stands. */
export interface MemoryBudget {
  checkMs: number
  /** Looks in a row that found too much in use. */
  samples: number
  /** Nobody is replaced for it before. */
  pauseMs: number
  /** It was said that nothing can be done. */
  told: boolean
}

export interface RollingRestart {
  readonly commands: CommandId[]
  readonly sinceMs: number
  readonly surroundingsBefore: Surroundings
}

export type Phase = 'idle' | 'starting' | 'running' | 'stopping' | 'stopped'

/** Everything the machine knows, and the two things it may use: effects and chance. */
export interface Pool {
  config: MachineConfig
  readonly effects: Effects
  readonly random: Random
  readonly watching: boolean
  nowMs: number
  phase: Phase
  wanted: number
  held: boolean
  serving: Group | null
  previous: Generation | null
  rollout: Rollout | null
  readonly groups: Set<Group>
  readonly workers: Map<number, Worker>
  readonly incarnations: Map<number, number>
  /** A read of the tree that is under way, with the wishes it serves. */
  reading: { readonly token: number; readonly wish: Wish } | null
  /** Wishes that came after the read had begun. */
  waiting: Wish | null
  /** A wish put off until the content on disk has settled. */
  settling: { readonly wish: Wish; readonly atMs: number } | null
  /** A rollback asked for while a switch was under way. */
  rollbackAfterCut: Wish | null
  /** That a generation is built was told, and how that ended was not yet. */
  toldBegun: boolean
  quarantine: GenerationId | null
  lastRefusal: Refusal | null
  readonly routing: Routing
  observation: Observation | null
  restart: RollingRestart | null
  /** Workers may become active; until then even those that serve stand by. */
  activates: boolean
  recycleAfterMs: number
  /** It was said that the limit of memory is too low for this generation. */
  memoryLimitToldFor: GenerationId | null
  readonly budget: MemoryBudget
  /** Of the snapshot that is being made again; nobody is started from it meanwhile. */
  restoring: number | null
  /** When the sockets of workers are looked at next. */
  socketsCheckMs: number
  scaling: CommandId[]
  health: ManagerHealth
  /** The last word on each: admitted and refused reloads, and restarts of workers. */
  admitted: number
  refused: number
  restarts: number
  abandoned: number
  acceptingStopped: boolean
  /** Requests the router gave up on; null as long as it has not left. */
  abandonedByRouter: number | null
  /** `abandoned` when the stop began. */
  abandonedBefore: number
  /** When a stop that was asked for begins. */
  stopDueMs: number
  /** When a stop has had its time. */
  stopByMs: number
  nextToken: number
  startedMs: number
}

export interface Failure {
  readonly message: string
  /** It says nothing about the content, which may well start next time. */
  readonly byChance?: boolean
  readonly failure?: BootFailure
  readonly stderr?: string
}
