import type { GenerationTally } from '../metrics/generation-tallies.ts'
import type { GenerationComparison } from '../metrics/lot-tally.ts'
import type { RouteTally } from '../metrics/route-tallies.ts'
import type { BackendStatus, PoolStatus } from '../pool/pool-status.ts'
import { sumAnswers } from '../answers/recent-answers.ts'
import { MAX_NAMED_REQUESTS, type RequestsReport } from './admin-protocol.ts'

/** The pools of several processes as if they were those of one. */
export function sumPools(perProcess: readonly (readonly PoolStatus[])[]): PoolStatus[] {
  const groups = Map.groupBy(perProcess.flat(), ({ name }) => name)
  return [...groups.values()].map((pools) => ({
    ...pools[0]!,
    queued: total(pools, ({ queued }) => queued),
    inFlight: total(pools, ({ inFlight }) => inFlight),
    tunnels: total(pools, ({ tunnels }) => tunnels),
    eventStreams: total(pools, ({ eventStreams }) => eventStreams),
    lanes: total(pools, ({ lanes }) => lanes),
    laneStreams: total(pools, ({ laneStreams }) => laneStreams),
    ejections: total(pools, ({ ejections }) => ejections),
    backends: sumBackends(pools.flatMap(({ backends }) => backends)),
  }))
}

function sumBackends(all: readonly BackendStatus[]): BackendStatus[] {
  const groups = Map.groupBy(all, ({ id, generation }) => `${generation ?? ''}\0${id}`)
  return [...groups.values()].map((same) => ({
    ...same[0]!,
    ...stateOfAll(same),
    inFlight: total(same, ({ inFlight }) => inFlight),
    tunnels: total(same, ({ tunnels }) => tunnels),
    eventStreams: total(same, ({ eventStreams }) => eventStreams),
    lanes: total(same, ({ lanes }) => lanes),
    laneStreams: total(same, ({ laneStreams }) => laneStreams),
    maxInFlight: total(same, ({ maxInFlight }) => maxInFlight),
    requests: total(same, ({ requests }) => requests),
    failures: total(same, ({ failures }) => failures),
    answers: sumAnswers(same.map(({ answers }) => answers)),
  }))
}

/** In one process out of several it is what the others do not see. */
function stateOfAll(same: readonly BackendStatus[]): Pick<BackendStatus, 'state' | 'reason'> {
  const { state, reason } = same.find((each) => each.state !== 'serving') ?? same[0]!
  return { state, reason }
}

/** Answers by class of status, of several processes. */
export function sumStatuses(perProcess: readonly (readonly number[])[]): number[] {
  return [0, 1, 2, 3, 4].map((at) => total(perProcess, (statuses) => statuses[at] ?? 0))
}

/** The answers of several processes as if they were those of one. */
export function sumTallies(perProcess: readonly (readonly GenerationTally[])[]): GenerationTally[] {
  const groups = Map.groupBy(perProcess.flat(), ({ generation }) => generation)
  return [...groups].map(([generation, same]) => ({
    generation,
    requests: total(same, ({ requests }) => requests),
    errors: total(same, ({ errors }) => errors),
    answers: sumAnswers(same.map(({ answers }) => answers)),
    total: sumAnswers(same.map(({ total: all }) => all)),
  }))
}

/** Requests of several processes, or balancers, as if they were those of one. */
export function sumRequests(all: readonly RequestsReport[]): RequestsReport {
  const generations = Map.groupBy(
    all.flatMap((each) => each.generations),
    ({ generation }) => generation,
  )
  return {
    inFlight: all
      .flatMap(({ inFlight }) => inFlight)
      .toSorted((a, b) => b.ageMs - a.ageMs)
      .slice(0, MAX_NAMED_REQUESTS),
    inFlightCount: total(all, ({ inFlightCount }) => inFlightCount),
    generations: [...generations].map(([generation, same]) => ({
      generation,
      routes: sumRoutes(same.flatMap(({ routes }) => routes)),
    })),
    failures: all.flatMap(({ failures }) => failures).toSorted((a, b) => b.startedAtMs - a.startedAtMs),
  }
}

function sumRoutes(routes: readonly RouteTally[]): RouteTally[] {
  const groups = Map.groupBy(routes, ({ route }) => route)
  return [...groups].map(([route, same]) => ({
    route,
    answers: sumAnswers(same.map(({ answers }) => answers)),
  }))
}

/** Each process numbers kinds of requests in its own way, so that these stay apart; clients are the same everywhere. */
export function sumComparisons(perProcess: readonly GenerationComparison[]): GenerationComparison {
  const clients = Map.groupBy(
    perProcess.flatMap((each) => each.clients),
    ({ group }) => group,
  )
  return {
    kinds: perProcess.flatMap((each) => each.kinds),
    clients: [...clients].map(([group, same]) => ({
      group,
      history: total(same, ({ history }) => history),
      requests: total(same, ({ requests }) => requests),
      failed: total(same, ({ failed }) => failed),
      requestsBefore: total(same, ({ requestsBefore }) => requestsBefore),
      failedBefore: total(same, ({ failedBefore }) => failedBefore),
      refusedBefore: total(same, ({ refusedBefore }) => refusedBefore),
    })),
  }
}

function total<T>(all: readonly T[], value: (each: T) => number): number {
  return all.reduce((sum, each) => sum + value(each), 0)
}

/**
 * Adds the series of several Prometheus texts of the same program. Everything it exports is a count, a sum or a
 * bucket, except for what ends in `_up`: that is up when it is everywhere; and for times, of which the first counts.
 */
export function sumMetrics(texts: readonly string[]): string {
  const values = new Map<string, number | undefined>()
  for (const line of texts.flatMap((text) => text.split('\n'))) {
    if (line === '') continue
    const at = line.startsWith('#') ? -1 : line.lastIndexOf(' ')
    if (at === -1) values.set(line, undefined)
    else addTo(values, line.slice(0, at), Number(line.slice(at + 1)))
  }
  return [...grouped(values), ''].join('\n')
}

function addTo(values: Map<string, number | undefined>, series: string, value: number): void {
  const known = values.get(series)
  if (known === undefined) values.set(series, value)
  else
    values.set(
      series,
      /_(?:up|timestamp_seconds)(?:\{|$)/.test(series) ? Math.min(known, value) : known + value,
    )
}

/** Series that only a later process has belong behind their own family, not at the end. */
function* grouped(values: ReadonlyMap<string, number | undefined>): Generator<string> {
  const families = Map.groupBy(values.keys(), familyOf)
  for (const lines of families.values())
    for (const line of lines) yield values.get(line) === undefined ? line : `${line} ${values.get(line)}`
}

const familyOf = (line: string): string =>
  (/^# (?:HELP|TYPE) (\S+)/.exec(line)?.[1] ?? line.replace(/\{.*/, '')).replace(/_(?:bucket|sum|count)$/, '')
