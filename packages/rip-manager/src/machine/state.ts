import type { MessageCounts, WorkerVitals } from '@rip/worker/protocol'
import type { ChangedContent } from '../contract/events.ts'
import type { ExitReason, RecycleReason } from '../contract/exit-reason.ts'
import type { OomRank, Random, ResponseCounts, Snapshot, TreeState } from '../contract/ports.ts'
import type { GenerationId } from '../contract/router.ts'
import type { ManagerHealth } from '../contract/status.ts'
import type { Counters } from './counters.ts'
import type { CrashBudget } from './crash-budget.ts'
import type { Effects } from './effects.ts'
import type { Generation, Surroundings } from './generation.ts'
import type { CommandId } from './inputs.ts'
import type { MachineConfig } from './machine-config.ts'
import type { Reading } from './reading.ts'
import type { Refusals } from './refusals.ts'
import type { RolloutState } from './rollout-state.ts'
import type { Routing } from './routing.ts'
import type { Staying } from './staying.ts'
import type { Stop } from './stop.ts'
import type { Tokens } from './tokens.ts'
import type { Verdicts } from './verdicts.ts'
import type { Wish } from './wish.ts'

/**
 * `withdrawn`: out of the wanted rotation, until the router has acknowledged it and settled; `draining`: told
 * to finish and exit; `terminating`: sent TERM; `killed`: sent KILL.
 */
export type ProcessState =
  'starting' | 'ready' | 'withdrawn' | 'draining' | 'terminating' | 'killed' | 'exited'

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
  state: ProcessState
  stateSinceMs: number
  /** How long the present state may last. */
  deadlineMs: number
  /** When the router has settled after this worker left the rotation. */
  settledMs: number
  /** How long a leaving worker may go on with what it has. */
  drainByMs: number
  readyMs: number | undefined
  bootMs: number
  activity: WorkerActivity
  /** Number of the last order to stand by. */
  standbyOrder: number
  /** How long it is waited for to stand by. */
  standbyByMs: number
  vitals: WorkerVitals
  /** Its socket takes HTTP/2 in plain text as well as HTTP/1.1, by its own word. */
  http2: boolean
  heardMs: number
  /** Requests it abandoned when it left, by its own count; undefined until it has sent one. */
  abandoned: number | undefined
  /** Why it will exit; undefined while an exit would be a crash. */
  ending: ExitReason | undefined
  recycleAfterRequests: number
  recycleAfterMs: number
  samplesOverMemory: number
  /** Resident memory in its first beacon as a ready worker; 0 before. */
  freshBytes: number
  /** Memory it took for itself at most when it booted, or takes now if that is more; 0 where that is not known. */
  ownBytes: number
  samplesLowOnDescriptors: number
  /** Descriptors it could open in its first beacon as a ready worker; undefined before, and where that is not known. */
  freshDescriptors: number | undefined
  /** Why it was started in the place of another worker, if that is why. */
  readonly replacedFor: RecycleReason | undefined
  /** Why it waits for its turn to be replaced. */
  recycle: RecycleReason | undefined
  /** Which of our processes the kernel is to kill first when memory runs out. */
  oomRank: OomRank
  /** The worker whose place it takes once it is ready. */
  replaces: Worker | undefined
}

/**
 * `candidate`: not proven; `serving`: gets the requests; `standby`: was serving, stands by during the observation
 * window; `retiring`: leaves.
 */
export type GroupState = 'candidate' | 'serving' | 'standby' | 'retiring'

/** The workers that were started together to serve a generation. After a rollback the same generation has a second group. */
export interface Group {
  readonly generation: Generation
  state: GroupState
  readonly workers: Set<Worker>
  readonly budget: CrashBudget
  /** No worker is started before. */
  spawnAfterMs: number
  /** As long as one of its workers serves, no other is started before, see {@link REST_DELAY_MS}. */
  restAfterMs: number
  lastCrashMs: number
  /** How many processes in a row a signal for the server ended before they served. */
  bystanders: number
  /** The one worker that is tried while the budget is spent. */
  probe: Worker | undefined
  /** The router reported the end of the drain. */
  routerDone: boolean
  /** Until then the router may draw lots for it, though another one serves. */
  drawnUntilMs: number
  /** Requests that were abandoned, as counted by the router and by the workers. */
  abandoned: { byRouter: number; byWorkers: number }
  /** It has had as many ready workers as are wanted. Until then fewer are no loss. */
  complete: boolean
  /** It has served requests, so that its end is told. */
  served: boolean
  /** Took over with fewer workers than wanted: the rest starts as those of the previous generation leave. */
  growing: boolean
  /** There was no memory for all of its workers beside those of the previous generation. */
  limited: boolean
}

/** A generation on its way to serve. */
export interface Rollout {
  /** Certain once it is built: the build may find that more belongs to the content. */
  generationId: GenerationId
  /** `stand-in`: a start serves the copy of the last good generation in place of condemned content on disk. */
  readonly kind: 'reload' | 'rollback' | 'stand-in'
  readonly tree: TreeState | undefined
  readonly commands: CommandId[]
  readonly reason: string
  readonly sinceMs: number
  readonly retried: boolean
  /** Although it was condemned; also when nothing else can serve. */
  forced: boolean
  /** As in {@link Wish}. */
  readonly outdated: number
  /** Wanted also without a command, so that it goes on when commands are cancelled. */
  unasked: boolean
  state: RolloutState
  /** Of the build or verification under way. */
  token: number
  group: Group | undefined
  /** Of the same content, from a rollout that failed while this one was being built. Written by `discard.ts`. */
  leftover: Snapshot | undefined
  /** The builder was asked for it, or nothing has to be built. Written by `rollout.ts`. */
  isBuilding: boolean
  /** Numbers of the workers that left the serving generation, to make room for this one. Written by `making-room.ts`. */
  readonly yielded: Set<number>
  /** When it is looked again whether there is room. Written by `making-room.ts`. */
  roomCheckMs: number | undefined
  /** How often the router refused to switch to it. */
  routingFailures: number
  /** What its content changes; undefined when that is not known. */
  readonly changed: ChangedContent | undefined
  /** When it began, when the code was there, and when its first worker was ready. */
  readonly begunMs: number
  builtMs: number | undefined
  readyMs: number | undefined
}

export interface Observation {
  readonly previous: Group
  untilMs: number
  /** What the generation had answered when it was first looked at. */
  baseline: ResponseCounts | undefined
  nextMs: number
  token: number
  /** The last look has not been answered, and is waited for until then. */
  awaitedUntilMs: number
  /** Lots are drawn between the two generations. */
  comparing: boolean
  /** Crashes before this are no reason to draw lots. */
  crashesFromMs: number
  /** How often lots have cleared the generation that serves. */
  cleared: number
}

/** What was found about the memory of all processes together. */
export interface MemoryBudget {
  checkMs: number
  /** Looks in a row that found too much in use. */
  samples: number
  /** No worker is replaced for it before. */
  pauseMs: number
  /** A warning has said that nothing can be done. */
  told: boolean
}

export interface RollingRestart {
  readonly commands: CommandId[]
  readonly sinceMs: number
  readonly previousSurroundings: Surroundings
}

/**
 * `preparing`: loads what it can without beginning; `prepared`: waits for its turn; `beginning`: was told to begin;
 * `working`: has begun and did not fail at once; `leaving`: was told to end; `terminating`: sent TERM; `killed`: sent KILL.
 */
export type BackgroundState =
  'preparing' | 'prepared' | 'beginning' | 'working' | 'leaving' | 'terminating' | 'killed'

/** A process of a background program. */
export interface BackgroundProcess {
  readonly name: string
  readonly pid: number
  readonly generation: Generation
  readonly startedMs: number
  state: BackgroundState
  stateSinceMs: number
  /** How long the present state may last. */
  deadlineMs: number
  /** It was told to begin, so that no other may until it has gone. */
  hasBegun: boolean
  /** When it had begun. */
  workingMs: number | undefined
  vitals: Pick<WorkerVitals, 'rssBytes' | 'loopLagMs' | keyof MessageCounts>
  /** Why it will end; undefined while an end would be a crash. */
  ending: ExitReason | undefined
  /** A fresh process takes its place once that is prepared. */
  outdated: RecycleReason | undefined
}

/** A background program of the application: one process of it works at a time. */
export interface BackgroundPost {
  readonly name: string
  /** It runs what is on disk: no earlier code of it can be returned to. */
  readonly isUnfrozen: boolean
  /** Every process that has not been reaped. */
  readonly processes: Set<BackgroundProcess>
  /** Whose crashes are counted. */
  generation: Generation | undefined
  budget: CrashBudget
  /** No process is started before. */
  spawnAfterMs: number
  lastCrashMs: number
  /** And none has worked since, so that its lack is a loss. */
  hasCrashed: boolean
  /** It has worked since the present generation serves. */
  hasWorked: boolean
  /** So long its crashes speak against the generation that serves. */
  trialUntilMs: number
  /** However often it crashes, not longer than that. */
  trialEndMs: number
  restarts: number
}

export type FleetState = 'idle' | 'starting' | 'running' | 'stopping' | 'stopped'

/**
 * Everything the machine knows, and the two things it may use: effects and chance. Each member is written by one file,
 * which is named here, or is an object that guards its own state.
 */
export interface Fleet {
  readonly effects: Effects
  readonly random: Random
  readonly tokens: Tokens
  readonly watching: boolean
  readonly startedMs: number
  /** Written by `machine.ts`. */
  nowMs: number
  /** Limits in force. Written by `configure.ts`. */
  config: MachineConfig
  /** Written by `life.ts`. */
  state: FleetState

  /** Every process that has not been reaped, by its id. Written by `worker.ts`. */
  readonly workers: Map<number, Worker>
  /** How many processes have had a slot. Written by `worker.ts`. */
  readonly incarnations: Map<number, number>
  /** Written by `group.ts`. */
  readonly groups: Set<Group>
  /** What they contain is written by `background.ts` and the files it names. */
  readonly background: readonly BackgroundPost[]
  /** No process of an earlier manager works in the background any more. Written by `background.ts`. */
  backgroundIsFree: boolean

  /** What serves, what served before, and what is on its way. Begun by `rollout.ts`, ended by `rollout-end.ts`. */
  serving: Group | undefined
  previous: Generation | undefined
  rollout: Rollout | undefined
  /** A good one that served before the previous one, for a rollback when that was condemned. Written by `rollout-end.ts`. */
  earlier: Generation | undefined
  /** Looks at the disk. */
  readonly reading: Reading
  /** What the router knows. */
  readonly routing: Routing
  readonly refusals: Refusals
  readonly verdicts: Verdicts
  /** Commands that stay through the observation. */
  readonly staying: Staying
  /** An event has told that a generation is being built, and none yet how that ended. Written by `announcements.ts`. */
  announced: boolean
  /** Written by `observation.ts`. */
  observation: Observation | undefined

  /** Workers that are wanted, and the commands that wait for them. Written by `scaling.ts`. */
  wanted: number
  scaling: readonly CommandId[]
  /** Reloads are suspended. Written by `commands.ts`. */
  held: boolean
  /** A rollback that was asked for while a switch was under way. Written by `rollback.ts`. */
  rollbackAfterCut: Wish | undefined
  /** Written by `restart.ts`. */
  restart: RollingRestart | undefined
  /** Workers may become active; until then even those that serve stand by. Written by `activity.ts`. */
  activates: boolean

  /** No worker is replaced before. Written by `recycle.ts`. */
  recycleAfterMs: number
  /** The generation for which it was said that fresh workers run out of descriptors, too. Written by `descriptors.ts`. */
  descriptorsToldFor: GenerationId | undefined
  /** The generation for which it was said that the limit of memory is too low. Written by `recycle.ts`. */
  memoryLimitToldFor: GenerationId | undefined
  /** Written by `memory-budget.ts`. */
  readonly memoryBudget: MemoryBudget
  /** Of the snapshot that is being made again; no worker is started from it meanwhile. Written by `lost-sockets.ts`. */
  restoring: number | undefined
  /** When the sockets of workers are looked at next. Written by `lost-sockets.ts`. */
  socketsCheckMs: number

  /** Written by `health.ts`. */
  health: ManagerHealth
  readonly counters: Counters
  readonly stop: Stop
}
