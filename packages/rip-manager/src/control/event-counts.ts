import type { ManagerEventBody } from '../contract/events.ts'
import type { ExitReason, RecycleReason } from '../contract/exit-reason.ts'
import type { Manager } from '../contract/manager-api.ts'
import type { RefusalCode } from '../contract/refusal.ts'

/** Why a worker was replaced: its process ended by itself, or it was recycled. */
export type RestartReason =
  | Extract<ExitReason['kind'], 'crashed' | 'oom' | 'boot-timeout' | 'boot-failed' | 'stuck-loop'>
  | RecycleReason

/** What became of code that was to serve. */
export type ReloadOutcome = 'served' | 'unchanged' | RefusalCode

/** All of them: a series that is there from the start shows its first count as an increase. */
const RESTART_REASONS: Readonly<Record<RestartReason, true>> = {
  crashed: true,
  oom: true,
  'boot-timeout': true,
  'boot-failed': true,
  'stuck-loop': true,
  requests: true,
  memory: true,
  'memory-budget': true,
  descriptors: true,
  lifetime: true,
  restart: true,
  unhealthy: true,
  signal: true,
  'socket-lost': true,
}

const RELOAD_OUTCOMES: Readonly<Record<ReloadOutcome, true>> = {
  served: true,
  unchanged: true,
  'rolled-back': true,
  'build-failed': true,
  'config-invalid': true,
  'boot-failed': true,
  'boot-timeout': true,
  'verify-failed': true,
  'routing-failed': true,
  condemned: true,
  superseded: true,
  held: true,
  stopping: true,
}

type Of<T extends ManagerEventBody['type']> = Extract<ManagerEventBody, { readonly type: T }>

/** Counts what the events of a manager tell, from its creation on. */
export class EventCounts implements Disposable {
  readonly restarts: Map<string, number> = zeros(RESTART_REASONS)
  readonly reloads: Map<string, number> = zeros(RELOAD_OUTCOMES)
  /** Times a service ended by itself, by its name. */
  readonly serviceExits: Map<string, number> = new Map()
  warnings = 0
  /** Services that have ended, and whose next process is not ready yet. */
  readonly absentServices: Set<string> = new Set()
  /** When the last cut was, milliseconds since the epoch. */
  cutAtMs: number | undefined
  readonly #owned = new DisposableStack()

  constructor(manager: Pick<Manager, 'on'>) {
    const { reloads } = this
    this.#owned.use(manager.on('worker-exited', (event) => this.#onExit(event)))
    this.#owned.use(
      manager.on('generation-cut', ({ previous, atMs }) => {
        this.cutAtMs = atMs
        if (previous !== null) add(reloads, 'served')
      }),
    )
    // It follows the cut to the code that serves again.
    this.#owned.use(
      manager.on('rolled-back', () => {
        add(reloads, 'served', -1)
        add(reloads, 'rolled-back')
      }),
    )
    this.#owned.use(manager.on('generation-unchanged', () => add(reloads, 'unchanged')))
    this.#owned.use(manager.on('generation-refused', ({ refusal }) => add(reloads, refusal.code)))
    this.#owned.use(manager.on('warning', () => void this.warnings++))
    this.#owned.use(
      manager.on('service-exited', ({ service }) => {
        add(this.serviceExits, service)
        this.absentServices.add(service)
      }),
    )
    this.#owned.use(
      manager.on('service-ready', ({ service }) => {
        add(this.serviceExits, service, 0)
        this.absentServices.delete(service)
      }),
    )
  }

  #onExit({ reason, respawnInMs }: Of<'worker-exited'>): void {
    if (reason.kind === 'recycled') return add(this.restarts, reason.reason)
    // A candidate that dies, and a worker that leaves with its code, are not replaced.
    if (respawnInMs !== undefined) add(this.restarts, reason.kind)
  }

  [Symbol.dispose](): void {
    this.#owned.dispose()
  }
}

function zeros(keys: Readonly<Record<string, true>>): Map<string, number> {
  return new Map(Object.keys(keys).map((key) => [key, 0]))
}

function add(counts: Map<string, number>, key: string, count = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + count)
}
