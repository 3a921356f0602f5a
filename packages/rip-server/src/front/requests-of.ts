import type { RequestsReport, RouteTally } from '@rip/balancer'
import { latencyMs, sumRequests } from '@rip/balancer/supervisor'
import type { RequestsStatus, RouteAnswers } from '@rip/manager'
import { FAILED_START, ratesOf } from './traffic.ts'

/** What several balancers know of requests, as operators see it. */
export function requestsOf(reports: readonly RequestsReport[]): RequestsStatus {
  const { inFlight, inFlightCount, generations, failures } = sumRequests(reports)
  return {
    underWay: inFlight.map(({ backend: worker, ...request }) => ({ ...request, worker })),
    underWayCount: inFlightCount,
    routes: generations.flatMap(({ generation, routes }) =>
      generation === null || generation === FAILED_START
        ? []
        : routes.map((tally) => routeAnswers(generation, tally)),
    ),
    failures: failures.map(({ startedAtMs: atMs, backend: worker, ...failure }) => ({
      ...failure,
      atMs,
      worker,
    })),
  }
}

function routeAnswers(generation: string, { route, answers }: RouteTally): RouteAnswers {
  const maxMs = latencyMs(answers, 1)
  return {
    generation,
    route,
    ...ratesOf([{ answers }]),
    maxMs: maxMs === undefined ? null : Math.round(maxMs * 100) / 100,
  }
}
