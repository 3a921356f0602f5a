import type { RequestsReport } from '@rip/balancer'
import { latencyMs, sumRequests } from '@rip/balancer/supervisor'
import type { RequestsStatus, RouteAnswers } from '@rip/manager'
import { FAILED_START, ratesOf } from './traffic.ts'

/** What several balancers know of requests, as operators see it. */
export function requestsOf(reports: readonly RequestsReport[]): RequestsStatus {
  const { inFlight, inFlightCount, generations, failures } = sumRequests(reports)
  return {
    underWay: inFlight.map(({ backend: worker, ...request }) => ({ ...request, worker })),
    underWayCount: inFlightCount,
    routes: generations
      .filter(({ generation }) => generation !== FAILED_START)
      .flatMap(({ generation, routes }) =>
        routes.map(({ route, answers }): RouteAnswers => {
          const maxMs = latencyMs(answers, 1)
          return {
            generation,
            route,
            ...ratesOf([{ answers }]),
            maxMs: maxMs === undefined ? null : Math.round(maxMs * 100) / 100,
          }
        }),
      ),
    failures: failures.map(({ startedAtMs: atMs, backend: worker, ...failure }) => ({
      ...failure,
      atMs,
      worker,
    })),
  }
}
