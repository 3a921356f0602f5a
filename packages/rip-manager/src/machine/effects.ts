import type { SupervisorMessage } from '@rip/worker/protocol'
import type { ManagerError } from '../contract/errors.ts'
import type { ReloadResult } from '../contract/manager-api.ts'
import type { MemoryReading, Signal, Snapshot, TreeReadOptions, TreeState } from '../contract/ports.ts'
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

/**
 * What the machine may do to the world. Every method returns at once; what takes time answers with an input
 * that carries the token it was given.
 */
export interface Effects {
  wallMs(): number
  /** Environment and folder for a new generation. @throws Error when they cannot be read */
  readSurroundings(): Surroundings
  /** What is left now; undefined where the system does not say. */
  memory(): MemoryReading | undefined
  socketPath(slot: number, incarnation: number): string
  /** Returns the process id. @throws Error when the system refuses */
  spawn(launch: Launch): number
  signal(pid: number, signal: Signal): void
  send(pid: number, message: SupervisorMessage): void
  stderrTail(pid: number): string
  /** Whether a socket is at this path, for the router to connect to. */
  hasSocket(path: string): boolean
  /** Makes the snapshot again if it has gone from disk. Answers with `restored`. */
  restore(token: number, snapshot: Snapshot): void
  /** Answers with `accepting`. */
  probe(pid: number, socket: string): void
  readTree(token: number, options: TreeReadOptions): void
  build(token: number, tree: TreeState): void
  /** The candidate on this socket, as often as configured. */
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
  prepare(token: number, generation: GenerationId, backends: readonly Backend[]): void
  cut(token: number, generation: GenerationId): void
  drain(generation: GenerationId, timeoutMs: number): void
  stopAccepting(): void
  observe(token: number, serving: GenerationId, previous: GenerationId): void
  /** Answers with `compared`. */
  compare(token: number, previous: GenerationId, forMs: number): void
  emit(event: ManagerEventBody): void
  settle(command: CommandId, outcome: Outcome): void
  /** Every worker process is gone. */
  stopped(abandoned: number): void
}
