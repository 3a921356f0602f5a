import type { SupervisorMessage } from '@rip/worker/protocol'
import type { ManagerError } from '../contract/errors.ts'
import type { ReloadResult } from '../contract/manager-api.ts'
import type {
  Footprint,
  MemoryReading,
  OomRank,
  Signal,
  Snapshot,
  TreeReadOptions,
  TreeState,
} from '../contract/ports.ts'
import type { ManagerEventBody } from '../contract/events.ts'
import type { Backend, GenerationId } from '../contract/router.ts'
import type { Findings } from '../contract/verdict.ts'
import type { CommandId } from './inputs.ts'
import type { Surroundings } from './generation.ts'

/** How a command ended. */
export type Outcome =
  { readonly result: ReloadResult } | { readonly done: true } | { readonly error: ManagerError }

export interface Launch {
  readonly slot: number
  readonly socket: string
  readonly generation: GenerationId
  readonly snapshot: Snapshot
  readonly surroundings: Surroundings
}

export interface BackgroundLaunch {
  readonly name: string
  readonly generation: GenerationId
  readonly snapshot: Snapshot
  readonly surroundings: Surroundings
}

/**
 * What the machine may do to the world. Every method returns at once; what takes time answers with an input
 * that carries the token it was given.
 */
export interface Effects {
  wallMs(): number
  /** Environment and folder for a new generation. @throws Error when they cannot be read */
  readSurroundings(): Surroundings
  /** Whether the folder of a generation is still there. */
  hasFolder(path: string): boolean
  /** What is left now; undefined where the system does not say. */
  memory(): MemoryReading | undefined
  /** What a build takes; 0 where that is not known. */
  buildBytes(): number
  /** What a process takes for itself; undefined where the system does not say. */
  footprint(pid: number): Footprint | undefined
  socketPath(slot: number, incarnation: number): string
  /** Returns the process id. `message` and `exited` follow. @throws Error when the system refuses */
  spawn(launch: Launch): number
  /** The same for a program that works in the background. */
  spawnBackground(launch: BackgroundLaunch): number
  signal(pid: number, signal: Signal): void
  /** The end of the process costs as much from now on; it is `expendable` at first. */
  rank(pid: number, rank: OomRank): void
  send(pid: number, message: SupervisorMessage): void
  stderrTail(pid: number): string
  /** Whether a socket is at this path, for the router to connect to. */
  hasSocket(path: string): boolean
  /** Makes the snapshot again if it has gone from disk. Answers with `restored`. */
  restore(token: number, snapshot: Snapshot): void
  /** Answers with `accepting`. */
  probe(pid: number, socket: string): void
  /** Looks at the disk. Answers with `tree-read`. */
  readTree(token: number, options: TreeReadOptions): void
  /** Answers with `built`. */
  build(token: number, tree: TreeState): void
  /** Asks the candidate on this socket, as often as configured. Answers with `verified`. */
  verify(token: number, socket: string): void
  /** Ends the build or verification with this token; no answer follows. */
  abort(token: number): void
  discard(snapshot: Snapshot): void
  /** Keeps what was found out about contents. */
  remember(findings: Findings): void
  /** Keeps a copy of a good generation. Answers with `kept`. */
  keep(token: number, snapshot: Snapshot): void
  /** A snapshot from the copy. Answers with `built`. */
  fetchKept(token: number, generation: GenerationId): void
  /** Tells the router which backends a generation has. Answers with `routed`. */
  prepare(token: number, generation: GenerationId, backends: readonly Backend[]): void
  /** Tells the router to send all new requests to the generation. Answers with `routed`. */
  cut(token: number, generation: GenerationId): void
  /** Lets the router finish what the generation has in flight. Answers with `drained`. */
  drain(generation: GenerationId, timeoutMs: number): void
  /** Answers with `doors-closed`, `accepting-stopped` and `router-left`. */
  stopAccepting(): void
  /** Asks how the two generations answered. Answers with `observed`. */
  observe(token: number, serving: GenerationId, previous: GenerationId): void
  /** Has the router draw lots for a while, and asks for the result so far. Answers with `compared`. */
  compare(token: number, previous: GenerationId, forMs: number): void
  emit(event: ManagerEventBody): void
  /** Answers an operator's command. */
  settle(command: CommandId, outcome: Outcome): void
  /** Every worker process is gone. */
  stopped(abandoned: number): void
}
