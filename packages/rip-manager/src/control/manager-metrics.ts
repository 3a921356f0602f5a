import type { Manager } from '../contract/manager-api.ts'
import type { ManagerHealth, ManagerStatus, WorkerState } from '../contract/status.ts'
import { EventCounts } from './event-counts.ts'
import { metricsOf } from './metrics.ts'

/** Health and states that are shown, each with 0 or 1, or how many there are. */
const HEALTH: Readonly<Record<ManagerHealth, true>> = {
  starting: true,
  ok: true,
  degraded: true,
  'crash-loop': true,
  failing: true,
  held: true,
  stopping: true,
  stopped: true,
}
const STATES: Readonly<Record<WorkerState, true>> = {
  starting: true,
  ready: true,
  standby: true,
  draining: true,
  exited: true,
}

/** What a manager knows of itself, its workers and what became of reloads, in the text format of Prometheus. */
export class ManagerMetrics implements Disposable {
  readonly #counts: EventCounts

  constructor(manager: Pick<Manager, 'on'>) {
    this.#counts = new EventCounts(manager)
  }

  /** Why no requests should be sent now, in one line; `undefined` when all is well. */
  unreadiness({ health, readyWorkers, wantedWorkers, healthReasons }: ManagerStatus): string | undefined {
    if (health === 'starting') return 'starting: no code serves yet'
    if (health === 'stopping' || health === 'stopped') return `${health}: nothing new is taken`
    if (readyWorkers === 0 && wantedWorkers > 0)
      return `${health}: ${healthReasons[0] ?? `0 of ${wantedWorkers} workers are ready`}`
    const [absent] = this.#counts.absentServices
    return absent === undefined ? undefined : `the ${absent} has ended, and the next one is not ready yet`
  }

  render(status: ManagerStatus): string {
    const { restarts, reloads, serviceExits, warnings, cutAtMs } = this.#counts
    const { health, generation, previousGeneration, workers, startedAtMs } = status
    return [
      ...family('rip_ready', 'gauge', 'Whether requests may be sent: 1 or 0.', [
        `rip_ready ${this.unreadiness(status) === undefined ? 1 : 0}`,
      ]),
      ...family(
        'rip_health',
        'gauge',
        'The health of the application: 1 for the one that applies.',
        Object.keys(HEALTH).map((each) => `rip_health{health="${each}"} ${each === health ? 1 : 0}`),
      ),
      ...family('rip_generation_info', 'gauge', 'The code that serves, and the code before it; always 1.', [
        ...generationLine(generation, 'serving'),
        ...generationLine(previousGeneration, 'previous'),
      ]),
      ...family(
        'rip_generation_cut_timestamp_seconds',
        'gauge',
        'When the code that serves was switched to, in seconds since 1970.',
        cutAtMs === undefined ? [] : [`rip_generation_cut_timestamp_seconds ${cutAtMs / 1_000}`],
      ),
      ...family(
        'rip_manager_start_timestamp_seconds',
        'gauge',
        'When the manager was started, in seconds since 1970.',
        [`rip_manager_start_timestamp_seconds ${startedAtMs / 1_000}`],
      ),
      ...family('rip_manager_memory_bytes', 'gauge', 'Resident memory of the manager.', memoryLines()),
      ...family('rip_reloads_total', 'counter', 'Code that was to serve, by what became of it.', [
        ...labelled('rip_reloads_total', 'outcome', reloads),
      ]),
      ...family(
        'rip_last_reload_refused',
        'gauge',
        'Whether the code that was to serve last was refused or taken back: 1 or 0.',
        [`rip_last_reload_refused ${status.lastRefusal === null ? 0 : 1}`],
      ),
      ...family('rip_reloads_held', 'gauge', 'Whether reloads wait for resume: 1 or 0.', [
        `rip_reloads_held ${status.held ? 1 : 0}`,
      ]),
      ...family('rip_workers_wanted', 'gauge', 'Workers that are wanted.', [
        `rip_workers_wanted ${status.wantedWorkers}`,
      ]),
      ...family(
        'rip_workers',
        'gauge',
        'Workers by state.',
        Object.keys(STATES).map(
          (state) =>
            `rip_workers{state="${state}"} ${workers.filter((worker) => worker.state === state).length}`,
        ),
      ),
      ...family('rip_worker_restarts_total', 'counter', 'Workers that were replaced, by reason.', [
        ...labelled('rip_worker_restarts_total', 'reason', restarts),
      ]),
      ...family(
        'rip_service_exits_total',
        'counter',
        'Times a service, such as the balancer, ended by itself.',
        [...labelled('rip_service_exits_total', 'service', serviceExits)],
      ),
      ...family('rip_warnings_total', 'counter', 'Warnings among the events.', [
        `rip_warnings_total ${warnings}`,
      ]),
      metricsOf(status),
    ].join('\n')
  }

  [Symbol.dispose](): void {
    this.#counts[Symbol.dispose]()
  }
}

/** None when the memory cannot be read, which takes a descriptor. */
function memoryLines(): string[] {
  try {
    return [`rip_manager_memory_bytes ${process.memoryUsage.rss()}`]
  } catch {
    return []
  }
}

function family(name: string, type: 'counter' | 'gauge', help: string, lines: readonly string[]): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines]
}

function labelled(name: string, label: string, counts: ReadonlyMap<string, number>): string[] {
  return [...counts].map(([value, count]) => `${name}{${label}=${JSON.stringify(value)}} ${count}`)
}

function generationLine(generation: string | null, state: 'serving' | 'previous'): string[] {
  if (generation === null) return []
  return [`rip_generation_info{generation=${JSON.stringify(generation)},state="${state}"} 1`]
}
