import type { ManagerEvent, RequestFailure } from '@rip/manager'
import { type Figures, workerName } from './figures.ts'
import { type Data } from './history.ts'
import { reloadProgress } from './reload-progress.ts'

/** Routes that are named. */
const MAX_ROUTES = 10

/** What one look found, as programs read it: one object. @param shown ids of failures that were told before */
export function figuresObject(
  data: Data,
  events: readonly ManagerEvent[],
  shown: ReadonlySet<string>,
): Readonly<Record<string, unknown>> {
  const { status, requests, wallMs } = data.sample
  const { traffic, workers } = status
  const routes = (requests?.routes ?? []).toSorted((a, b) => (b.p95Ms ?? 0) - (a.p95Ms ?? 0))
  return {
    time: new Date(wallMs).toISOString(),
    name: status.name,
    answers: true,
    pid: status.pid,
    health: status.health,
    healthReasons: status.healthReasons,
    generation: status.generation,
    readyWorkers: status.readyWorkers,
    wantedWorkers: status.wantedWorkers,
    figures: data.sinceLast === undefined ? null : roundedFigures(data.sinceLast),
    inFlight: workers.reduce((sum, { inFlight }) => sum + inFlight, 0),
    queued: traffic?.queued ?? null,
    connections: traffic?.connections ?? null,
    reload: reloadProgress(events, status, wallMs) ?? null,
    workers: workers.map((worker) => ({
      worker: workerName(worker),
      pid: worker.pid,
      state: worker.state,
      generation: worker.generation,
      processor: rounded(data.processes.get(worker.pid)?.processor),
      perSecond: rounded(data.processes.get(worker.pid)?.perSecond),
      rssBytes: worker.rssBytes,
      loopLagMs: worker.loopLagMs,
      inFlight: worker.inFlight,
      maxInFlight: worker.maxInFlight ?? null,
      webSockets: worker.webSockets,
      eventStreams: worker.eventStreams,
    })),
    routes: routes.slice(0, MAX_ROUTES),
    failures: newFailures(requests?.failures ?? [], shown),
  }
}

/** The object while there is no answer. @param nowMs milliseconds since the epoch */
export function silenceObject(
  name: string,
  trouble: { readonly sinceMs: number; readonly reason: string },
  nowMs: number,
): Readonly<Record<string, unknown>> {
  const since = new Date(trouble.sinceMs).toISOString()
  return { time: new Date(nowMs).toISOString(), name, answers: false, since, reason: trouble.reason }
}

function newFailures(
  failures: readonly RequestFailure[],
  shown: ReadonlySet<string>,
): readonly RequestFailure[] {
  return failures.filter(({ requestId }) => !shown.has(requestId))
}

function roundedFigures(figures: Figures): Figures {
  const { windowMs, perSecond, p50Ms, p95Ms, p99Ms } = figures
  const times = { p50Ms: rounded(p50Ms), p95Ms: rounded(p95Ms), p99Ms: rounded(p99Ms) }
  return { ...figures, windowMs: Math.round(windowMs), perSecond: rounded(perSecond) ?? 0, ...times }
}

/** To hundredths: more digits would promise what no figure keeps. */
function rounded(value: number | null | undefined): number | null {
  return value === undefined || value === null ? null : Math.round(value * 100) / 100
}
