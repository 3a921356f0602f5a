import type {
  BackgroundLedger,
  Builder,
  Bus,
  Clock,
  Memory,
  ReadFootprint,
  Observer,
  Probe,
  Random,
  Service,
  Spawner,
  Tree,
  Verifier,
  Watcher,
  WorkerLinks,
} from './ports.ts'
import type { Account } from './account.ts'
import type { Router } from './router.ts'
import type { VerdictStore } from './verdict.ts'
import type { WorkerMode } from '@rip/worker/protocol'

/** How a worker process is started. */
export interface WorkerCommand {
  /** Any program that serves HTTP on the Unix socket named by `RIP_SOCKET`. */
  readonly argv: readonly [string, ...string[]]
  /**
   * Whether it talks on `RIP_CONTROL`. A program that does not is ready when its socket accepts a connection,
   * and is asked to leave by SIGTERM. @default true
   */
  readonly speaksProtocol?: boolean
  /** Whether it may write to standard output why it cannot be served, as many tools do. @default false */
  readonly explainsOnStdout?: boolean
}

/** A program that works in the background, in one process at a time. */
export interface BackgroundProgram {
  /** Shown in logs and in the status, and given to the process as `RIP_BACKGROUND`. */
  readonly name: string
  /** The program of `@rip/worker`, with the module to load as its last word, if there is one. */
  readonly argv: readonly [string, ...string[]]
  /** The program that it runs, with its arguments. @default it loads the module */
  readonly command?: readonly string[]
}

export interface CrashBudgetOptions {
  /** Crashes allowed within `perMs`. @default 5 */
  readonly restarts?: number
  /** @default 30000 */
  readonly perMs?: number
  /** @default 250 */
  readonly backoffBaseMs?: number
  /** @default 30000 */
  readonly backoffCapMs?: number
  /** @default 10000 */
  readonly stableMs?: number
}

/** When a worker is replaced although it works; each is off unless set. One worker at a time, its successor first. */
export interface RecycleOptions {
  /** Requests, ± `jitter`. */
  readonly requests?: number
  /**
   * Resident bytes, over `memorySamples` beacons in a row. Below what a worker begins with, only one that has grown by
   * a quarter is replaced.
   */
  readonly memoryBytes?: number
  /**
   * Share of the memory limit of the control group, such as 0.9: when more is in use over `memorySamples` looks in a
   * row, the largest worker is replaced, at most one a minute. Does nothing where there is no limit.
   */
  readonly budgetShare?: number
  /** Time since it was ready, ± `jitter`. */
  readonly lifetimeMs?: number
  /** @default 0.1 */
  readonly jitter?: number
  /** @default 3 */
  readonly memorySamples?: number
}

/** Watches a generation after its cut and returns to the previous one if too many answers fail. */
export interface ObserveOptions {
  readonly observer: Observer
  readonly windowMs: number
  /** Answers needed before they say anything. @default 50 */
  readonly minRequests?: number
  /** Failed answers needed, so that chance does not bring a release down. @default 10 */
  readonly minErrors?: number
  /** How far the share of failed answers may exceed that of the previous generation. @default 0.02 */
  readonly maxErrorRate?: number
  /** How often the figures are looked at. @default 100 */
  readonly everyMs?: number
}

/** Everything a manager stands on. */
export interface ManagerPorts {
  /** @default the system's monotonic clock */
  readonly clock?: Clock
  /** @default Math.random */
  readonly random?: Random
  readonly spawner: Spawner
  /** Absent: content changes only by `reload()`. */
  readonly watcher?: Watcher | undefined
  readonly tree: Tree
  /** Absent: workers load code from disk. */
  readonly builder?: Builder | undefined
  readonly links: WorkerLinks
  readonly router: Router
  /** Absent: a candidate that is ready is proven. */
  readonly verifier?: Verifier | undefined
  /** Path of the socket of one incarnation of a worker; never the same twice. */
  readonly socketPath: (slot: number, incarnation: number) => string
  /** Whether a socket is where it was made; its run directory may have been removed. see `RunDir.hasSocket`. @default always */
  readonly hasSocket?: (path: string) => boolean
  /** Called when the process that had a socket has ended. */
  readonly socketLeft?: (path: string) => void
  /** Where workers meet to tell each other what is published. @default they do not */
  readonly bus?: Bus
  /** Keeps what was found out about contents. @default it is known for as long as the manager exists */
  readonly verdicts?: VerdictStore | undefined
  /** How much memory is left, which limits how many workers start beside others. @default control group and machine */
  readonly memory?: Memory
  /**
   * What a process takes for itself. @default what the system says, unless `memory` is given: then resident memory, as its
   * beacons tell
   */
  readonly footprint?: ReadFootprint
  /** Finds out when a program without control messages accepts connections. @default connects to the socket */
  readonly probe?: Probe
  /** Processes beside the workers; started before them and, unless one is the router, stopped after them. */
  readonly services?: readonly Service[]
  /** Remembers what works in the background for the next manager, in case this one is killed. @default nothing is known of earlier managers */
  readonly backgroundLedger?: BackgroundLedger | undefined
  /** Makes the router take no new connections; the first step of stopping. */
  readonly stopAccepting?: () => Promise<void>
}

/** What can change while the manager runs. */
export interface LiveOptions {
  /** Requests a worker takes at once; those that run keep theirs. */
  readonly concurrency?: number
  readonly bootTimeoutMs?: number
  readonly drainTimeoutMs?: number
  readonly stopDelayMs?: number
  /** Limits that are absent are off. */
  readonly recycle?: RecycleOptions
  /** How long answers are watched after a cut; 0 is not at all. Without an observer it never is. */
  readonly observeWindowMs?: number
}

export interface ManagerOptions extends ManagerPorts {
  /** Folder of the application; a symbolic link stays symbolic. */
  readonly root: string
  /** Name of this instance. */
  readonly name: string
  readonly command: WorkerCommand
  /** Processes to keep ready; 0 for an application that only works in the background. @default 1 */
  readonly workers?: number
  /** Each supervised as a worker is, never in two processes at a time. @default none */
  readonly background?: readonly BackgroundProgram[]
  /** Requests a worker takes at once. @default 100 */
  readonly concurrency?: number
  /** @default 'production' */
  readonly mode?: WorkerMode
  /** The user workers run as, which takes root. @default the user of the manager */
  readonly account?: Account
  /** The environment of workers, read anew for each generation. @default process.env */
  readonly env?: () => Readonly<Record<string, string>>
  /** @default 30000 */
  readonly bootTimeoutMs?: number
  /**
   * How long requests under way may take when a worker leaves. When everything stops in development they get 3 s at most.
   * @default 30000
   */
  readonly drainTimeoutMs?: number
  /**
   * How long it goes on serving after it was told to stop, with the health `stopping` and an event of that name, so
   * that a load balancer outside can turn away first. @default 0
   */
  readonly stopDelayMs?: number
  /** Workers stand by although they serve, until `activate()`: those of another manager are still active. @default false */
  readonly standsBy?: boolean
  /** Between removal from rotation and the order to drain. @default 500 */
  readonly settleMs?: number
  /** Between TERM and KILL. @default 1000 */
  readonly killGraceMs?: number
  /** @default 1000 */
  readonly beaconMs?: number
  /** A worker silent for longer has a stuck event loop. @default 10000 */
  readonly stuckAfterMs?: number
  readonly crash?: CrashBudgetOptions
  readonly recycle?: RecycleOptions
  /**
   * How many workers of a new generation must be ready before it gets the requests. `first` serves a change sooner
   * and has less capacity for as long as the others boot; it suits development. @default 'all'
   */
  readonly cutAfter?: 'all' | 'first'
  /**
   * How many generations that were replaced may go on finishing what they have; the oldest beyond that end at once.
   * @default as many as there are within `drainTimeoutMs`
   */
  readonly maxRetiring?: number
  /** How often the verifier has to agree in a row. @default 1 */
  readonly verifyTimes?: number
  /** A window of 0 observes nothing until `configure` gives it a length. */
  readonly observe?: ObserveOptions
}
