import type { RequestsReport } from '../admin/admin-protocol.ts'
import { answerCount, latencyMs } from '../answers/recent-answers.ts'
import type { RequestInFlight } from '../exchange/request-in-flight.ts'
import type { FailedRequest } from '../metrics/failed-requests.ts'
import { oneLine } from '../text/one-line.ts'
import { textTable } from './text-table.ts'

const MAX_REQUESTS = 20
const MAX_ROUTES = 15
const MAX_FAILURES = 10

/** Requests in flight, the slowest routes and the latest failures, for people. @param nowMs milliseconds since 1970 */
export function requestsText(report: RequestsReport, nowMs: number): string {
  const { inFlight, inFlightCount, failures } = report
  const routes = report.generations.flatMap((each) => each.routes)
  const lines = [
    `${inFlightCount} in flight`,
    ...(inFlight.length === 0 ? [] : ['', ...requestLines(inFlight)]),
    ...(routes.length === 0 ? [] : ['', ...routeLines(routes)]),
    ...(failures.length === 0 ? [] : ['', ...failureLines(failures, nowMs)]),
  ]
  return `${lines.join('\n')}\n`
}

function requestLines(requests: readonly RequestInFlight[]): string[] {
  const rows = requests
    .slice(0, MAX_REQUESTS)
    .map(({ ageMs, method, path, phase, backend, requestId }) => [
      timeText(ageMs),
      oneLine(`${method} ${path}`),
      phase,
      oneLine(backend ?? '-'),
      oneLine(requestId),
    ])
  return textTable([['AGE', 'REQUEST', 'PHASE', 'BACKEND', 'ID'], ...rows])
}

type Route = RequestsReport['generations'][number]['routes'][number]

function routeLines(routes: readonly Route[]): string[] {
  const slowest = routes
    .map(({ route, answers }) => ({ route, answers, p95Ms: latencyMs(answers, 0.95) ?? 0 }))
    .toSorted((a, b) => b.p95Ms - a.p95Ms)
  const rows = slowest
    .slice(0, MAX_ROUTES)
    .map(({ route, answers, p95Ms }) => [
      oneLine(route),
      String(answerCount(answers)),
      String(answers.failed),
      timeText(latencyMs(answers, 0.5) ?? 0),
      timeText(p95Ms),
      timeText(latencyMs(answers, 1) ?? 0),
    ])
  return textTable([['SLOWEST ROUTES', 'REQUESTS', 'FAILED', 'P50', 'P95', 'MAX'], ...rows])
}

function failureLines(failures: readonly FailedRequest[], nowMs: number): string[] {
  const rows = failures
    .slice(0, MAX_FAILURES)
    .map((each) => [
      `${timeText(Math.max(0, nowMs - each.startedAtMs))} ago`,
      `${each.status}${each.cause === 'completed' ? '' : ` ${each.cause}`}`,
      oneLine(`${each.method} ${each.path}`),
      oneLine(each.backend ?? '-'),
      timeText(each.tookMs),
      oneLine(each.requestId),
      oneLine(each.reason ?? ''),
    ])
  return textTable([['LATEST FAILURES', 'ANSWER', 'REQUEST', 'BACKEND', 'TOOK', 'ID', 'WHY'], ...rows])
}

function timeText(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}
