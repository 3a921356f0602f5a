import type { RequestFailure, RequestUnderWay, RouteAnswers, WorkerStatus } from '@rip/manager'
import { shortGeneration } from '../terminal/event-line.ts'
import {
  bytesText,
  countText,
  durationText,
  latencyText,
  percentText,
  rateText,
} from '../terminal/quantity-text.ts'
import { failureText, phaseText } from '../terminal/request-tables.ts'
import type { LineStyle } from '../terminal/styled-line.ts'
import { type ProcessFigures, workerName } from './figures.ts'
import type { Data } from './history.ts'
import { type Column, sortRows } from './list.ts'
import { markedIn, type Panel, type Shown, type View } from './view.ts'

/** A worker with what it did since the last look. */
export interface WorkerRow extends ProcessFigures {
  readonly worker: WorkerStatus
  /** The greatest of all workers, which bars are relative to. */
  readonly mostBytes: number
}

/** A lag that fills its bar; from here on clients notice. */
const FULL_LAG_MS = 250
const HIGH_LAG_MS = 100
const HIGH_SHARE = 0.8
const FULL_SHARE = 0.95

export const WORKER_COLUMNS: readonly Column<WorkerRow>[] = [
  {
    name: 'worker',
    text: ({ worker }) => workerName(worker),
    value: ({ worker }) => worker.slot * 1e6 + worker.incarnation,
    rank: 0,
  },
  {
    name: 'state',
    text: ({ worker }) => worker.state,
    value: ({ worker }) => worker.state,
    style: ({ worker }) => STATE_STYLES[worker.state],
    rank: 5,
  },
  {
    name: 'cpu',
    text: ({ processor }) => (processor === undefined ? '-' : percentText(processor)),
    value: ({ processor }) => processor ?? -1,
    share: ({ processor }) => processor,
    style: ({ processor = 0 }) => loadStyle(processor),
    align: 'right',
    rank: 1,
  },
  {
    name: 'memory',
    text: ({ worker }) => bytesText(worker.rssBytes),
    value: ({ worker }) => worker.rssBytes,
    share: ({ worker, mostBytes }) => (mostBytes === 0 ? 0 : worker.rssBytes / mostBytes),
    align: 'right',
    rank: 3,
  },
  {
    name: 'lag',
    text: ({ worker }) => durationText(worker.loopLagMs),
    value: ({ worker }) => worker.loopLagMs,
    share: ({ worker }) => worker.loopLagMs / FULL_LAG_MS,
    style: ({ worker }) => lagStyle(worker.loopLagMs),
    align: 'right',
    rank: 4,
  },
  {
    name: 'in flight',
    text: ({ worker: { inFlight, maxInFlight } }) =>
      maxInFlight === undefined ? String(inFlight) : `${inFlight}/${maxInFlight}`,
    value: ({ worker }) => worker.inFlight,
    share: ({ worker: { inFlight, maxInFlight } }) =>
      maxInFlight === undefined || maxInFlight === 0 ? undefined : inFlight / maxInFlight,
    style: ({ worker: { inFlight, maxInFlight = Infinity } }) => loadStyle(inFlight / maxInFlight),
    align: 'right',
    rank: 2,
  },
  {
    name: 'req/s',
    text: ({ perSecond }) => (perSecond === undefined ? '-' : rateText(perSecond)),
    value: ({ perSecond }) => perSecond ?? -1,
    align: 'right',
    rank: 6,
  },
  {
    name: 'p95 1m',
    text: ({ worker }) => msText(worker.answers?.p95Ms),
    value: ({ worker }) => worker.answers?.p95Ms ?? -1,
    align: 'right',
    rank: 7,
  },
  {
    name: 'failed 1m',
    text: ({ worker }) => (worker.answers === undefined ? '-' : countText(worker.answers.failed)),
    value: ({ worker }) => worker.answers?.failed ?? -1,
    style: ({ worker }) => ((worker.answers?.failed ?? 0) > 0 ? 'bad' : undefined),
    align: 'right',
    rank: 8,
  },
  {
    name: 'sockets',
    text: ({ worker }) => countText(worker.webSockets),
    value: ({ worker }) => worker.webSockets,
    align: 'right',
    rank: 12,
  },
  {
    name: 'streams',
    text: ({ worker }) => countText(worker.eventStreams),
    value: ({ worker }) => worker.eventStreams,
    align: 'right',
    rank: 13,
  },
  {
    name: 'requests',
    text: ({ worker }) => countText(worker.sent ?? worker.requests),
    value: ({ worker }) => worker.sent ?? worker.requests,
    align: 'right',
    rank: 10,
  },
  {
    name: 'code',
    text: ({ worker }) => shortGeneration(worker.generation),
    value: ({ worker }) => worker.generation,
    rank: 9,
  },
  {
    name: 'pid',
    text: ({ worker }) => String(worker.pid),
    value: ({ worker }) => worker.pid,
    align: 'right',
    rank: 11,
  },
]

export const ROUTE_COLUMNS: readonly Column<RouteAnswers>[] = [
  { name: 'route', text: ({ route }) => route, value: ({ route }) => route, rank: 0, isElastic: true },
  {
    name: 'p95',
    text: ({ p95Ms }) => msText(p95Ms),
    value: ({ p95Ms }) => p95Ms ?? -1,
    align: 'right',
    rank: 1,
  },
  {
    name: 'requests',
    text: ({ requests }) => countText(requests),
    value: ({ requests }) => requests,
    align: 'right',
    rank: 2,
  },
  {
    name: 'failed',
    text: ({ failed }) => countText(failed),
    value: ({ failed }) => failed,
    style: ({ failed }) => (failed > 0 ? 'bad' : undefined),
    align: 'right',
    rank: 3,
  },
  {
    name: 'p50',
    text: ({ p50Ms }) => msText(p50Ms),
    value: ({ p50Ms }) => p50Ms ?? -1,
    align: 'right',
    rank: 4,
  },
  {
    name: 'p99',
    text: ({ p99Ms }) => msText(p99Ms),
    value: ({ p99Ms }) => p99Ms ?? -1,
    align: 'right',
    rank: 6,
  },
  {
    name: 'max',
    text: ({ maxMs }) => msText(maxMs),
    value: ({ maxMs }) => maxMs ?? -1,
    align: 'right',
    rank: 5,
  },
  {
    name: 'code',
    text: ({ generation }) => shortGeneration(generation),
    value: ({ generation }) => generation,
    rank: 7,
  },
]

/** @param nowMs milliseconds since the epoch */
export function failureColumns(nowMs: number): readonly Column<RequestFailure>[] {
  return [
    {
      name: 'ago',
      text: ({ atMs }) => durationText(Math.max(0, nowMs - atMs)),
      value: ({ atMs }) => nowMs - atMs,
      align: 'right',
      rank: 0,
    },
    {
      name: 'answer',
      text: (failure) => failureText(failure),
      value: (failure) => failureText(failure),
      style: () => 'bad',
      rank: 1,
    },
    {
      name: 'request',
      text: ({ method, path }) => `${method} ${path}`,
      value: ({ method, path }) => `${method} ${path}`,
      rank: 2,
      isElastic: true,
    },
    { name: 'worker', text: ({ worker }) => worker ?? '-', value: ({ worker }) => worker ?? '', rank: 3 },
    {
      name: 'took',
      text: ({ tookMs }) => latencyText(tookMs),
      value: ({ tookMs }) => tookMs,
      align: 'right',
      rank: 4,
    },
    {
      name: 'id (see trace)',
      text: ({ requestId }) => requestId,
      value: ({ requestId }) => requestId,
      rank: 5,
    },
  ]
}

export const REQUEST_COLUMNS: readonly Column<RequestUnderWay>[] = [
  {
    name: 'age',
    text: ({ ageMs }) => durationText(ageMs),
    value: ({ ageMs }) => ageMs,
    align: 'right',
    rank: 0,
  },
  {
    name: 'request',
    text: ({ method, path }) => `${method} ${path}`,
    value: ({ method, path }) => `${method} ${path}`,
    rank: 1,
    isElastic: true,
  },
  { name: 'it', text: ({ phase }) => phaseText(phase), value: ({ phase }) => phase, rank: 2 },
  {
    name: 'id (see trace)',
    text: ({ requestId }) => requestId,
    value: ({ requestId }) => requestId,
    rank: 3,
  },
]

/** The rows of every list, filtered and in order. */
export interface Lists {
  readonly workers: readonly WorkerRow[]
  readonly routes: readonly RouteAnswers[]
  readonly failures: readonly RequestFailure[]
  /** Of the worker that is shown. */
  readonly requests: readonly RequestUnderWay[]
}

export const workerKey = ({ worker }: WorkerRow): string => workerName(worker)
export const routeKey = ({ generation, route }: RouteAnswers): string => `${generation} ${route}`
export const requestKey = ({ requestId }: { readonly requestId: string }): string => requestId

export function listsOf({ sample, processes }: Data, view: View, nowMs: number): Lists {
  const { status, requests } = sample
  const failures = failureColumns(nowMs)
  const mostBytes = Math.max(0, ...status.workers.map(({ rssBytes }) => rssBytes))
  const unknown: ProcessFigures = { perSecond: undefined, processor: undefined }
  const workers = status.workers.map((worker) => ({
    worker,
    mostBytes,
    ...(processes.get(worker.pid) ?? unknown),
  }))
  const kept = <Row>(rows: readonly Row[], columns: readonly Column<Row>[], panel: Panel): Row[] =>
    sortRows(filtered(rows, columns, view.filter), columns, view.sorting[panel])
  return {
    workers: kept(workers, WORKER_COLUMNS, 'workers'),
    routes: kept(requests?.routes ?? [], ROUTE_COLUMNS, 'routes'),
    failures: kept(requests?.failures ?? [], failures, 'failures'),
    requests: filtered(requestsOf(requests?.underWay ?? [], view.worker), REQUEST_COLUMNS, view.filter),
  }
}

/** What keys move in. */
export function shownOf(lists: Lists): Shown {
  const names = (columns: readonly { readonly name: string }[]): string[] => columns.map(({ name }) => name)
  return {
    rows: {
      workers: lists.workers.map(workerKey),
      routes: lists.routes.map(routeKey),
      failures: lists.failures.map(requestKey),
      requests: lists.requests.map(requestKey),
    },
    columns: {
      workers: names(WORKER_COLUMNS),
      routes: names(ROUTE_COLUMNS),
      failures: names(failureColumns(0)),
    },
  }
}

/** The row of a list that is shown as marked; none before a key has moved there. */
export function shownMark(
  view: View,
  panel: Panel | 'requests',
  keys: readonly string[],
): string | undefined {
  const marked = view.marked[panel]
  return marked === undefined ? undefined : markedIn(keys, marked)
}

/** Requests that the worker answers, then those that wait for any. */
function requestsOf(underWay: readonly RequestUnderWay[], name: string | undefined): RequestUnderWay[] {
  if (name === undefined) return []
  const own = underWay.filter(({ worker }) => worker === name)
  return [...own, ...underWay.filter(({ worker }) => worker === null)]
}

/** Rows that have a text in any column, in capitals or not. */
function filtered<Row>(rows: readonly Row[], columns: readonly Column<Row>[], filter: string): Row[] {
  const wanted = filter.trim().toLowerCase()
  if (wanted === '') return [...rows]
  return rows.filter((row) => columns.some(({ text }) => text(row).toLowerCase().includes(wanted)))
}

const STATE_STYLES: Readonly<Partial<Record<string, LineStyle>>> = {
  ready: 'good',
  starting: 'warn',
  standby: 'faint',
  draining: 'warn',
  exited: 'bad',
}

function loadStyle(share: number): LineStyle | undefined {
  if (share >= FULL_SHARE) return 'bad'
  return share >= HIGH_SHARE ? 'warn' : undefined
}

function lagStyle(lagMs: number): LineStyle | undefined {
  if (lagMs >= FULL_LAG_MS) return 'bad'
  return lagMs >= HIGH_LAG_MS ? 'warn' : undefined
}

function msText(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? '-' : latencyText(ms)
}
