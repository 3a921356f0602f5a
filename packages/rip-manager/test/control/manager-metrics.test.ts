import { describe, expect, test } from 'bun:test'
import { ManagerMetrics } from '../../src/control/manager-metrics.ts'
import type { ManagerEventBody } from '../../src/contract/events.ts'
import type { ExitReason } from '../../src/contract/exit-reason.ts'
import type { RefusalCode } from '../../src/contract/refusal.ts'
import type { ManagerStatus, WorkerStatus } from '../../src/contract/status.ts'
import { EventLog } from '../../src/manager/event-log.ts'

const status = (changes: Partial<ManagerStatus> = {}): ManagerStatus => ({
  version: 1,
  name: 'shop',
  pid: 1,
  root: '/shop',
  health: 'ok',
  healthReasons: [],
  generation: 'g2',
  previousGeneration: 'g1',
  wantedWorkers: 2,
  readyWorkers: 2,
  watching: false,
  held: false,
  reloads: { admitted: 1, refused: 0 },
  restarts: 0,
  crashes: null,
  lastRefusal: null,
  disk: null,
  condemned: null,
  workers: [],
  background: [],
  startedAtMs: 1_700_000_000_500,
  ...changes,
})

/** Metrics of a manager that has told these events. */
function after(...events: readonly ManagerEventBody[]): ManagerMetrics {
  const log = new EventLog(() => 1_800_000_000_000)
  const metrics = new ManagerMetrics({ on: (type, listener) => log.on(type, listener) })
  for (const event of events) log.emit(event)
  return metrics
}

const lines = (metrics: ManagerMetrics, now = status()): string[] => metrics.render(now).split('\n')

const exited = (reason: ExitReason, respawnInMs?: number): ManagerEventBody => ({
  type: 'worker-exited',
  slot: 1,
  pid: 7,
  reason,
  uptimeMs: 1,
  requests: 0,
  ...(respawnInMs !== undefined && { respawnInMs }),
})

const cut = (previous: string | null): ManagerEventBody => ({
  type: 'generation-cut',
  generation: 'g2',
  previous,
  tookMs: 1,
})

const refused = (code: RefusalCode): ManagerEventBody => ({
  type: 'generation-refused',
  refusal: { code, generation: 'g2', message: '', atMs: 0 },
})

describe('metrics of a manager', () => {
  test('count restarts by reason: crashes that are made good for, and workers that are replaced by plan', () => {
    const metrics = after(
      exited({ kind: 'crashed', code: 1, signal: null, stderr: '' }, 100),
      exited({ kind: 'oom' }, 100),
      exited({ kind: 'recycled', reason: 'memory' }),
      // A candidate that is refused, workers that leave with their code, and one that is killed at a stop.
      exited({ kind: 'crashed', code: 1, signal: null, stderr: '' }),
      exited({ kind: 'drained' }),
      exited({ kind: 'killed', reason: 'stop' }),
    )
    const counted = lines(metrics).filter((line) => /^rip_worker_restarts_total.* [^0]/.test(line))
    expect(counted).toEqual([
      'rip_worker_restarts_total{reason="crashed"} 1',
      'rip_worker_restarts_total{reason="oom"} 1',
      'rip_worker_restarts_total{reason="memory"} 1',
    ])
  })

  test('count reloads by outcome, and neither the start nor a rollback as code that was served anew', () => {
    const metrics = after(
      cut(null),
      cut('g1'),
      cut('g1'),
      { type: 'rolled-back', from: 'g2', to: 'g1', reason: 'errors' },
      { type: 'generation-unchanged', generation: 'g1' },
      refused('build-failed'),
      refused('build-failed'),
      refused('condemned'),
    )
    const counted = lines(metrics).filter((line) => /^rip_reloads_total.* [^0]/.test(line))
    expect(counted).toEqual([
      'rip_reloads_total{outcome="served"} 1',
      'rip_reloads_total{outcome="unchanged"} 1',
      'rip_reloads_total{outcome="rolled-back"} 1',
      'rip_reloads_total{outcome="build-failed"} 2',
      'rip_reloads_total{outcome="condemned"} 1',
    ])
  })

  test('have every reason and every outcome from the start, so that the first one is seen as an increase', () => {
    const zeros = lines(after()).filter((line) => line.endsWith(' 0'))
    expect(zeros.filter((line) => line.startsWith('rip_worker_restarts_total'))).toHaveLength(14)
    expect(zeros.filter((line) => line.startsWith('rip_reloads_total'))).toHaveLength(13)
  })

  test('say which code serves since when, which health applies, and how many workers are in which state', () => {
    const workers = (['ready', 'ready', 'draining'] as const).map((state) => ({ state }) as WorkerStatus)
    const now = status({
      health: 'degraded',
      workers,
      lastRefusal: { code: 'build-failed', generation: 'g3', message: '', atMs: 0 },
    })
    const text = lines(after(cut('g1')), now)
    for (const line of [
      'rip_generation_info{generation="g2",state="serving"} 1',
      'rip_generation_info{generation="g1",state="previous"} 1',
      'rip_generation_cut_timestamp_seconds 1800000000',
      'rip_manager_start_timestamp_seconds 1700000000.5',
      'rip_health{health="degraded"} 1',
      'rip_health{health="ok"} 0',
      'rip_workers{state="ready"} 2',
      'rip_workers{state="draining"} 1',
      'rip_workers{state="starting"} 0',
      'rip_workers_wanted 2',
      'rip_last_reload_refused 1',
      'rip_ready 1',
    ])
      expect(text).toContain(line)
  })

  test('count nothing more when they were disposed of', () => {
    const log = new EventLog(() => 0)
    const metrics = new ManagerMetrics({ on: (type, listener) => log.on(type, listener) })
    metrics[Symbol.dispose]()
    log.emit({ type: 'warning', message: 'late' })
    expect(lines(metrics)).toContain('rip_warnings_total 0')
  })
})

describe('a manager is ready', () => {
  test('when code serves, also while its health is not the best', () => {
    for (const health of ['ok', 'degraded', 'failing', 'held', 'crash-loop'] as const)
      expect(after().unreadiness(status({ health }))).toBeUndefined()
  })

  test('when it only works in the background', () => {
    expect(after().unreadiness(status({ wantedWorkers: 0, readyWorkers: 0 }))).toBeUndefined()
  })

  test('not before code serves, not while it stops, not without a worker; the reason is one line', () => {
    expect(after().unreadiness(status({ health: 'starting' }))).toBe('starting: no code serves yet')
    expect(after().unreadiness(status({ health: 'stopping' }))).toBe('stopping: nothing new is taken')
    const none = status({ health: 'crash-loop', readyWorkers: 0 })
    expect(after().unreadiness(none)).toBe('crash-loop: 0 of 2 workers are ready')
  })

  test('not while the balancer has ended, and again when its successor answers', () => {
    const ended: ManagerEventBody = {
      type: 'service-exited',
      service: 'balancer',
      status: 'code 1',
      respawnInMs: 0,
    }
    const ready: ManagerEventBody = { type: 'service-ready', service: 'balancer', pid: 9 }
    expect(after(ready, ended).unreadiness(status())).toBe(
      'the balancer has ended, and the next one is not ready yet',
    )
    const metrics = after(ready, ended, ready)
    expect(metrics.unreadiness(status())).toBeUndefined()
    expect(lines(metrics)).toContain('rip_service_exits_total{service="balancer"} 1')
  })
})
