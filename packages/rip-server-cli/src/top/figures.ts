import { latencyMs } from '@rip/balancer/supervisor'
import type { AnswerRates, ManagerStatus, TrafficCounts, WorkerStatus } from '@rip/manager'
import type { Sample } from './sample.ts'

/** Answers of a span of time. */
export interface Figures {
  /** The span that is counted. */
  readonly windowMs: number
  /** Whether the span is that between two looks, or the last minute as the balancer counts it. */
  readonly of: 'span' | 'last minute'
  readonly requests: number
  readonly perSecond: number
  /** `null` without a balancer. */
  readonly statuses: AnswerRates['statuses'] | null
  /** Of them, those that workers failed. */
  readonly failed: number | null
  /** Time until workers began the answer, at most 9 % off; `null` without answers. */
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
}

/** What one process did in a span of time. */
export interface ProcessFigures {
  /** `undefined` where it cannot be known. */
  readonly perSecond: number | undefined
  /** Share of one processor. */
  readonly processor: number | undefined
}

const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const

/** Of a worker as it is shown and typed. */
export function workerName({ slot, incarnation }: Pick<WorkerStatus, 'slot' | 'incarnation'>): string {
  return `w${slot}.${incarnation}`
}

/** Answers between two looks; `undefined` when counts have begun anew in between. */
export function figuresBetween(before: Sample, after: Sample): Figures | undefined {
  const windowMs = after.atMs - before.atMs
  if (windowMs <= 0 || before.status.pid !== after.status.pid) return undefined
  const [earlier, later] = [before.status.traffic, after.status.traffic]
  if (earlier === undefined && later === undefined) return plainFigures(before, after, windowMs)
  if (earlier === undefined || later === undefined || !isComparable(earlier, later)) return undefined
  const requests = total(later.statuses) - total(earlier.statuses)
  const statuses = Object.fromEntries(
    CLASSES.map((digit) => [digit, later.statuses[digit] - earlier.statuses[digit]]),
  ) as Record<(typeof CLASSES)[number], number>
  const { failed, latencies } = answersBetween(earlier, later)
  const within = (part: number): number | null => latencyMs({ latencies }, part) ?? null
  return {
    windowMs,
    of: 'span',
    requests,
    perSecond: (requests / windowMs) * 1_000,
    statuses,
    failed,
    p50Ms: within(0.5),
    p95Ms: within(0.95),
    p99Ms: within(0.99),
  }
}

/** Answers of the last minute, as far as the instance counts them itself. */
export function figuresOfMinute({ answers, generation }: ManagerStatus): Figures | undefined {
  const own = answers?.find((each) => each.generation === generation)
  if (own === undefined) return undefined
  const { windowMs, requests, perSecond, statuses, failed, p50Ms, p95Ms, p99Ms } = own
  return { windowMs, of: 'last minute', requests, perSecond, statuses, failed, p50Ms, p95Ms, p99Ms }
}

/** What each process did between two looks, by its pid. */
export function processesBetween(before: Sample, after: Sample): ReadonlyMap<number, ProcessFigures> {
  const windowMs = after.atMs - before.atMs
  if (windowMs <= 0) return new Map()
  const earlier = new Map(before.status.workers.map((worker) => [worker.pid, worker]))
  const perSecond = (worker: WorkerStatus): number | undefined => {
    const was = earlier.get(worker.pid)
    const count = sentTo(worker) - (was === undefined ? 0 : sentTo(was))
    return count < 0 ? undefined : (count / windowMs) * 1_000
  }
  const workers = new Map(after.status.workers.map((worker) => [worker.pid, perSecond(worker)]))
  const pids = new Set([...workers.keys(), ...after.processorMs.keys()])
  return new Map(
    [...pids].map((pid) => [
      pid,
      { perSecond: workers.get(pid), processor: processorShare(before, after, pid, windowMs) },
    ]),
  )
}

function processorShare(before: Sample, after: Sample, pid: number, windowMs: number): number | undefined {
  const [was, is] = [before.processorMs.get(pid), after.processorMs.get(pid)]
  if (was === undefined || is === undefined || is < was) return undefined
  return (is - was) / windowMs
}

function sentTo({ sent, requests }: WorkerStatus): number {
  return sent ?? requests
}

/** Without a balancer, as workers count them in their reports. */
function plainFigures(before: Sample, after: Sample, windowMs: number): Figures | undefined {
  const count = ({ status }: Sample): number =>
    status.workers.reduce((sum, { requests }) => sum + requests, 0)
  const requests = count(after) - count(before)
  if (requests < 0) return undefined
  const perSecond = (requests / windowMs) * 1_000
  const unknown = { statuses: null, failed: null, p50Ms: null, p95Ms: null, p99Ms: null }
  return { windowMs, of: 'span', requests, perSecond, ...unknown }
}

/** A balancer that was replaced counts from 0. */
function isComparable(earlier: TrafficCounts, later: TrafficCounts): boolean {
  const same = Bun.deepEquals(earlier.balancers, later.balancers)
  return same && CLASSES.every((digit) => later.statuses[digit] >= earlier.statuses[digit])
}

/** Generations that are forgotten meanwhile have answered nothing more; new ones begin from 0. */
function answersBetween(
  earlier: TrafficCounts,
  later: TrafficCounts,
): { readonly failed: number; readonly latencies: readonly number[] } {
  const known = new Map(earlier.generations.map((each) => [each.generation, each]))
  const latencies: number[] = []
  let failed = 0
  for (const { generation, ...now } of later.generations) {
    const was = known.get(generation)
    failed += Math.max(0, now.failed - (was?.failed ?? 0))
    for (const [at, count] of now.latencies.entries())
      latencies[at] = (latencies[at] ?? 0) + Math.max(0, count - (was?.latencies[at] ?? 0))
  }
  return { failed, latencies: Array.from(latencies, (count) => count ?? 0) }
}

function total(statuses: AnswerRates['statuses']): number {
  return CLASSES.reduce((sum, digit) => sum + statuses[digit], 0)
}
