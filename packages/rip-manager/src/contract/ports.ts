import type { BootFailure, BusPlace, SupervisorMessage, WorkerMessage } from '@rip/worker/protocol'
import type { Account } from './account.ts'
import type { DrainReport, GenerationId } from './router.ts'

/** Monotonic time and timers. A suspended machine shows as a gap in `nowMs()`. */
export interface Clock {
  nowMs(): number
  /** Milliseconds since the epoch, for people and for comparison with modification times. */
  wallMs(): number
  /** Runs once after the delay; the returned object cancels it. */
  after(delayMs: number, run: () => void): Disposable
}

/** A number in [0, 1). */
export type Random = () => number

export type Signal = 'SIGTERM' | 'SIGKILL' | 'SIGQUIT' | 'SIGINT' | 'SIGUSR2' | 'SIGXCPU'

/** How a process ended. Exactly one of the two is set. */
export interface ExitStatus {
  readonly code: number | null
  readonly signal: string | null
  /** The kernel's out-of-memory killer chose it, as far as the cgroup tells. */
  readonly oom: boolean
}

/** Which worker a process is. */
export interface WorkerIdentity {
  readonly slot: number
  readonly generation: GenerationId
}

/**
 * What its end costs, when memory runs out and the kernel chooses a process. `serving`: requests, until it is replaced;
 * `expendable`: it takes no requests, and what it was started for can be done again.
 */
export type OomRank = 'serving' | 'expendable'

export interface ProcessSpec {
  /** Name in logs, such as `w1` or `balancer`. */
  readonly name: string
  /** Absent when it is no worker. */
  readonly worker?: WorkerIdentity
  readonly command: readonly [string, ...string[]]
  readonly cwd: string
  /** The complete environment; nothing is inherited beside it. */
  readonly env: Readonly<Record<string, string>>
  /**
   * Variables of `env` that differ from one process of the command to the next. A program that is given
   * `RIP_STANDBY=1` in their place waits for them, a JSON object in one line of its standard input.
   */
  readonly lateVariables?: readonly string[]
  /** What its end costs less than ours. @default it is as important as this process */
  readonly oomRank?: OomRank
  /** The user it runs as from its first instruction on, which takes root. @default the user of this process */
  readonly account?: Account
  /** Whether the last lines of standard output belong to `stderrTail`, too. @default false */
  readonly explainsOnStdout?: boolean
  /** Descriptors handed down, in order, from 3 on. */
  readonly inheritFds?: readonly number[]
}

/** A child in a process group of its own. Its standard input is a pipe whose end means: the supervisor is gone. */
export interface ChildProcess {
  readonly pid: number
  readonly exited: Promise<ExitStatus>
  /**
   * To the whole group, `STUCK_SIGNAL` to the process alone; does nothing once the process was reaped or its start time no longer
   * matches.
   */
  signal(signal: Signal): void
  /** From now on its end costs as much. Only processes that were started with a rank have one. */
  rank(rank: OomRank): void
  /** Ends its standard input, as our own end would: who understands that finishes what it has and leaves. */
  endInput(): void
  /** The last lines it wrote to standard error, and to standard output if it explains itself there; at most 64 KiB. */
  stderrTail(): string
}

export interface Spawner {
  /** @throws ManagerError `SPAWN_FAILED` when the system refuses */
  spawn(spec: ProcessSpec): ChildProcess
  /**
   * A process like this is started soon, with other `lateVariables`: it may be prepared. Never throws.
   *
   * @default nothing is prepared
   */
  prepare?(spec: ProcessSpec): void
}

/** Knows which processes work in the background, for a manager that comes after one that was killed. */
export interface BackgroundLedger {
  /** Called before the process may begin. */
  note(name: string, pid: number): void
  /** The process has ended. */
  drop(name: string, pid: number): void
  /** Resolves when every process that an earlier manager noted has ended. Asks them to, and kills them in the end. */
  clear(options: { readonly drainTimeoutMs: number }): Promise<void>
}

/** The supervisor's end of the control connections of workers. */
export interface WorkerLinks {
  /** Path that workers find in `RIP_CONTROL`. */
  readonly path: string
  start(): Promise<void>
  close(): Promise<void>
  /** Called for every message of a worker that said hello with this pid, and with `null` when its link ended. */
  onMessage(receive: (pid: number, message: WorkerMessage | null) => void): void
  send(pid: number, message: SupervisorMessage): void
}

/** Where workers meet to tell each other what is published. The manager does not carry the messages. */
export interface Bus {
  /** Asked for at each start of a worker. */
  place(): BusPlace
  /** A worker has ended, and may have left something there. */
  left(pid: number): void
}

/** Notices that something may have changed below a folder. */
export interface Watcher {
  /** @param wake takes what the watcher has just read, if it has; else the manager reads the disk itself */
  start(root: string, wake: (tree?: TreeState) => void): Promise<void>
  close(): Promise<void>
}

/** Content of the application on disk at one moment. */
export interface TreeState {
  /** Hash over all paths and their content. */
  readonly generation: GenerationId
  /** Content hash by path relative to the root; by absolute path for files that are elsewhere. */
  readonly files: ReadonlyMap<string, string>
  /** Modification time of the newest file, in milliseconds since the epoch. */
  readonly newestMs: number
}

export interface TreeReadOptions {
  /** Look at the files in `node_modules` as well, instead of believing what was seen there last. @default false */
  readonly thorough?: boolean
}

/** Reads the application's sources, lock file, `.env*` and configuration. */
export interface Tree {
  read(options?: TreeReadOptions): Promise<TreeState>
}

/** How many modules a build has put together. */
export interface ModuleCounts {
  readonly total: number
  /** Those that are as they were in the build before. */
  readonly reused: number
}

/** Code of one generation, compiled and frozen. */
export interface Snapshot {
  readonly generation: GenerationId
  /** Folder named to workers in `RIP_SNAPSHOT`; absent when code is loaded from disk. */
  readonly folder?: string
  /** Its workers run whatever is on disk when they start: once they have gone, it cannot be returned to. @default false */
  readonly isUnfrozen?: boolean
  /** @default not known */
  readonly modules?: ModuleCounts
  /** What it was made from, with what the build found to belong to it. @default what the build was asked for */
  readonly content?: TreeState
  /**
   * First path, as in {@link TreeState}, of what the build used that is another in this content: data that no module
   * imports may change without making other code of it. @default any change makes other code
   */
  changedIn?(content: TreeState): string | undefined
}

/**
 * A build may find that more belongs to the application than was known when its content was read: the generation is
 * then named after all of it.
 */
export type BuildResult =
  | { readonly ok: true; readonly snapshot: Snapshot }
  | {
      readonly ok: false
      readonly failure: BootFailure
      /** @default the one that was asked for */
      readonly generation?: GenerationId
      /** The failure says nothing about the content, which is tried again. @default false */
      readonly byChance?: boolean
    }
  /** What was read of this file is not what the generation is named after: it was written meanwhile. */
  | { readonly ok: false; readonly changed: string }

/** Compiles a generation in a short-lived process, so that the manager never loads the application's code. */
export interface Builder {
  build(state: TreeState, options: { readonly signal: AbortSignal }): Promise<BuildResult>
  /** The generation is neither served nor kept for a rollback any more: its folder may go. */
  discard?(snapshot: Snapshot): void
  /** Memory that a build took for itself at most. @default not known */
  readonly peakBytes?: number | undefined
  /** Something is built soon: what that takes may be prepared. Never throws. */
  prepare?(): void
}

/** Asks a candidate over its socket whether it really serves. Resolves with a reason when it does not. */
export interface Verifier {
  verify(socket: string, options: { readonly signal: AbortSignal }): Promise<string | undefined>
}

/** Resolves when a worker's socket accepts a connection; rejects only when the signal aborts. */
export type Probe = (socket: string, options: { readonly signal: AbortSignal }) => Promise<void>

/** Answers given so far by one generation, as the balancer counts them. */
export interface ResponseCounts {
  readonly requests: number
  /** Answers with a 5xx status, and exchanges that broke. */
  readonly errors: number
}

/** Requests of one kind, or of one group of clients, for which lots decided which of two generations answers. */
export interface ComparedGroup {
  /** How many of them the previous generation answered well while it served. */
  readonly history: number
  /** Drawn for the generation that serves. */
  readonly requests: number
  /** Of these, answers with a 5xx status, and exchanges that broke. */
  readonly failed: number
  /** Drawn for the previous generation. */
  readonly requestsBefore: number
  readonly failedBefore: number
  /** Of these, answers with a 4xx status. */
  readonly refusedBefore: number
}

/** What came of the lots since they are drawn. */
export interface Comparison {
  /** By what was asked for: methods and paths. */
  readonly kinds: readonly ComparedGroup[]
  /** By who asked. */
  readonly clients: readonly ComparedGroup[]
}

/** How much memory is left to the manager and everything it starts. */
export interface MemoryReading {
  /** What may still be used: of the machine, or of the tightest control group if that is less. */
  readonly availableBytes: number
  /** Limit of the tightest control group with what is used of it; absent without one. */
  readonly limit?: { readonly bytes: number; readonly usedBytes: number }
}

/** `undefined` where the system does not say: then nothing is limited by it. */
export type Memory = () => MemoryReading | undefined

/** Memory of a process and of those it has started, without what it shares with others. */
export interface Footprint {
  readonly bytes: number
  /** The most it has had. Known shortly after a boot only. */
  readonly peakBytes: number
}

/** `undefined` where the system does not say: then its resident memory has to do. */
export type ReadFootprint = (pid: number) => Footprint | undefined

/** Where the observation window after a cut gets its figures from. */
export interface Observer {
  read(generation: GenerationId): Promise<ResponseCounts>
  /**
   * Gives half of the requests, drawn by lot, to the previous generation, and returns what came of it so far; goes on
   * for `forMs` from the last call. Without it the figures of `read` are the verdict, and clients can push them.
   */
  compare?(previous: GenerationId, forMs: number): Promise<Comparison>
}

/** A process beside the workers that is supervised without being understood, such as the balancer. */
export interface Service {
  readonly name: string
  /**
   * Whether requests reach the workers through it. When the manager stops, this service is told to leave first: it
   * takes nothing new, finishes its requests and exits; the workers follow. @default false
   */
  readonly isRouter?: boolean
  /**
   * The way it is told to leave. Unlike a signal, the end of its input cannot come from outside with a signal to all
   * processes. @default 'SIGTERM'
   */
  readonly leavesBy?: 'SIGTERM' | 'end-of-input'
  /** Asked anew for each start. */
  spec(): ProcessSpec
  /** Resolves when the process does its work. */
  ready(options: { readonly signal: AbortSignal }): Promise<void>
  /**
   * Resolves when the process answers. Asked now and then once it is ready: one that has not answered for
   * `stuckAfterMs` is killed and replaced. @default never judged
   */
  alive?(options: { readonly signal: AbortSignal }): Promise<void>
  /** Called after each time it became ready, before the generation is published to it. */
  onReady?(): Promise<void>
  /**
   * An order of its own to leave, which resolves with the requests it abandoned when it has nothing under way any more.
   * `leavesBy` follows, and takes its place when the order rejects. @default none: only `leavesBy`
   */
  leave?(): Promise<DrainReport>
}
