import type { RequestFailure, RequestUnderWay, RouteAnswers } from '@rip/manager'
import { nearPath } from '@rip/server/text'
import { shortGeneration } from './event-line.ts'
import { durationText, latencyText } from './quantity-text.ts'
import { table } from './table.ts'

/** Why a request failed, as the worker that had it has written. */
export interface LoggedException {
  /** Such as `TypeError: price is not a function`. */
  readonly message: string
  /** Path, line and column; absent where the stack names none. */
  readonly place?: string
}

const MAX_ROUTES = 15
const MAX_FAILURES = 10
const MAX_REQUESTS = 20
const MAX_MESSAGE = 80

/** The routes that took longest, and behind them others that failed. */
export function routesTable(routes: readonly RouteAnswers[]): string[] {
  if (routes.length === 0) return ['no route was asked for in the last minutes']
  const slowest = routes.toSorted((a, b) => (b.p95Ms ?? 0) - (a.p95Ms ?? 0))
  const shown = [
    ...slowest.slice(0, MAX_ROUTES),
    ...slowest.slice(MAX_ROUTES).filter(({ failed }) => failed > 0),
  ]
  const rows = shown.map(({ route, generation, requests, failed, p50Ms, p95Ms, maxMs }) => [
    route,
    shortGeneration(generation),
    String(requests),
    String(failed),
    ...[p50Ms, p95Ms, maxMs].map((ms) => (ms === null ? '-' : latencyText(ms))),
  ])
  const others = routes.length - shown.length
  return [
    ...table([['slowest routes', 'code', 'requests', 'failed', 'p50', 'p95', 'max'], ...rows]),
    ...(others > 0 ? [`and ${others} more`] : []),
  ]
}

/** A failure, and what the log says of it. */
export interface ExplainedFailure extends RequestFailure {
  readonly exception?: LoggedException
}

/**
 * The latest requests that failed.
 *
 * @param nowMs milliseconds since the epoch
 * @param cwd the folder that paths are shown from
 */
export function failuresTable(failures: readonly ExplainedFailure[], nowMs: number, cwd: string): string[] {
  if (failures.length === 0) return []
  const rows = failures
    .slice(0, MAX_FAILURES)
    .map((each) => [
      `${durationText(Math.max(0, nowMs - each.atMs))} ago`,
      failureText(each),
      `${each.method} ${each.path}`,
      each.worker ?? '-',
      durationText(each.tookMs),
      each.requestId,
      exceptionText(each.exception, cwd),
    ])
  return table([['latest failures', 'answer', 'request', 'worker', 'took', 'id (see trace)', 'why'], ...rows])
}

function exceptionText(exception: LoggedException | undefined, cwd: string): string {
  if (exception === undefined) return ''
  const { message, place } = exception
  const short = message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 1)}…` : message
  return place === undefined ? short : `${short} (${nearPath(place, cwd)})`
}

/** How a request failed. */
export function failureText({ status, cause, reason }: RequestFailure): string {
  const why = cause === 'completed' ? '' : ` ${cause}`
  return `${status}${why}${reason === null ? '' : ` (${reason})`}`
}

/** Requests that are being answered, the oldest first. */
export function requestsTable(
  requests: readonly RequestUnderWay[],
  count: number = requests.length,
): string[] {
  const shown = requests.slice(0, MAX_REQUESTS)
  const rows = shown.map(({ ageMs, method, path, phase, worker, requestId }) => [
    durationText(ageMs),
    `${method} ${path}`,
    phaseText(phase),
    worker ?? '-',
    requestId,
  ])
  const others = count - shown.length
  return [
    ...table([['in flight', 'request', 'it', 'worker', 'id (see trace)'], ...rows]),
    ...(others > 0 ? [`and ${others} more`] : []),
  ]
}

const PHASES: Readonly<Record<string, string>> = {
  queued: 'waits for a worker',
  gathering: 'is being received',
  'backing-off': 'is about to be repeated',
  connecting: 'waits for the connection',
  waiting: 'waits for its answer',
  responding: 'is being answered',
  flushing: 'waits for its client to read',
}

/** What happens with a request, in words that follow "it". */
export function phaseText(phase: string): string {
  return PHASES[phase] ?? phase
}
