import { type AnswerCounts, answerCount, latencyMs, sumAnswers } from '@rip/balancer/supervisor'
import type { BalancerStatus } from '@rip/balancer'
import type { AnswerRates, GenerationAnswers, ServedCertificate, TrafficCounts } from '@rip/manager'

/** Names the page that takes the place of an application that has not started; no hash of content looks like that. */
export const FAILED_START = 'failed-start'

/** The counts of one worker, summed over the balancers. */
export interface WorkerTraffic {
  readonly inFlight: number
  readonly answers: AnswerRates
  readonly sent: number
  readonly maxInFlight: number
}

/** The current counts of the balancers. */
export interface Traffic {
  readonly generations: readonly GenerationAnswers[]
  /** By generation and id of the backend, such as `w1.3`; see {@link workerKey}. */
  readonly workers: ReadonlyMap<string, WorkerTraffic>
  readonly certificates: readonly ServedCertificate[]
  readonly counts: TrafficCounts
}

/** Sums the figures of several balancers. */
export function trafficOf(statuses: readonly BalancerStatus[]): Traffic {
  const tallies = Map.groupBy(
    statuses
      .flatMap(({ generations }) => generations)
      .filter(({ generation }) => generation !== FAILED_START),
    ({ generation }) => generation,
  )
  const backends = statuses.flatMap(({ pools }) => pools.flatMap((pool) => pool.backends))
  const members = Map.groupBy(backends, ({ id, generation }) => workerKey(generation ?? '', id))
  // Counted from its first answer on: what its workers waited for that counts, too.
  const hasLasted = (of: string): number =>
    Math.max(0, ...backends.map(({ generation, answers }) => (generation === of ? answers.windowMs : 0)))
  return {
    generations: [...tallies].map(([generation, same]) => ({
      generation,
      ...ratesOf(same, hasLasted(generation)),
    })),
    certificates: [
      ...new Map(
        statuses.flatMap(({ certificates }) => certificates.map((each) => [each.file, each])),
      ).values(),
    ],
    workers: new Map(
      [...members].map(([key, same]) => {
        const sum = (figure: 'inFlight' | 'requests' | 'maxInFlight'): number =>
          same.reduce((total, each) => total + each[figure], 0)
        const [inFlight, sent, maxInFlight] = [sum('inFlight'), sum('requests'), sum('maxInFlight')]
        return [key, { inFlight, answers: ratesOf(same), sent, maxInFlight }]
      }),
    ),
    counts: {
      balancers: statuses.flatMap(({ processes }) => processes),
      connections: statuses.reduce((sum, { connections }) => sum + connections, 0),
      queued: statuses.flatMap(({ pools }) => pools).reduce((sum, { queued }) => sum + queued, 0),
      statuses: byClass(sumLists(statuses.map((status) => status.statuses))),
      generations: [...tallies].map(([generation, same]) => {
        const { failed, latencies } = sumAnswers(same.map(({ total }) => total))
        return { generation, requests: answerCount({ latencies }), failed, latencies }
      }),
    },
  }
}

/** The key of a worker in {@link Traffic}. */
export function workerKey(generation: string, id: string): string {
  return `${generation} ${id}`
}

/** @param atLeastMs time that is known to have passed */
export function ratesOf(all: readonly { readonly answers: AnswerCounts }[], atLeastMs = 0): AnswerRates {
  const counts = sumAnswers(all.map(({ answers }) => answers))
  const windowMs = Math.max(counts.windowMs, atLeastMs)
  const requests = answerCount(counts)
  const within = (part: number): number | null => {
    const ms = latencyMs(counts, part)
    return ms === undefined ? null : Math.round(ms * 100) / 100
  }
  return {
    windowMs,
    requests,
    perSecond: windowMs === 0 ? 0 : Math.round((requests / windowMs) * 100_000) / 100,
    statuses: byClass(counts.statuses),
    failed: counts.failed,
    p50Ms: within(0.5),
    p95Ms: within(0.95),
    p99Ms: within(0.99),
  }
}

function byClass(counts: readonly number[]): AnswerRates['statuses'] {
  const [informational = 0, success = 0, redirection = 0, client = 0, server = 0] = counts
  return { '1xx': informational, '2xx': success, '3xx': redirection, '4xx': client, '5xx': server }
}

function sumLists(lists: readonly (readonly number[])[]): number[] {
  return [0, 1, 2, 3, 4].map((at) => lists.reduce((sum, list) => sum + (list[at] ?? 0), 0))
}
