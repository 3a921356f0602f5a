import type { EndCause, ExchangeRecord } from '../exchange/record.ts'
import { type AnswerCounts, MINUTE, RecentAnswers } from '../answers/recent-answers.ts'
import { REQUEST_KINDS } from '../http1/request-kind.ts'
import { CLIENT_GROUPS, clientGroup } from './client-group.ts'
import { type GenerationComparison, type History, LotTally } from './lot-tally.ts'
import { RouteTallies, type RouteTally } from './route-tallies.ts'

/** Answers of the backends of one generation since the balancer began. */
export interface GenerationTally {
  readonly generation: string
  readonly requests: number
  /** Of them, those with a 5xx status and those the backend aborted. */
  readonly errors: number
  /** Answers of the last minute. */
  readonly answers: AnswerCounts
  /** Answers since the first one: the difference of two of these is exact for the time in between. */
  readonly total: AnswerCounts
}

/** The routes that backends of one generation answered lately. */
export interface GenerationRoutes {
  /** `null`: of backends without a generation. */
  readonly generation: string | null
  readonly routes: readonly RouteTally[]
}

/** Generations that are remembered; the one that was served longest ago goes first. */
const MAX_GENERATIONS = 8
/** So many requests are all looked at for the history of a generation, and every so many after that. */
const WHOLE_SAMPLE = 1_024
const SAMPLED = 16

interface Count extends History {
  requests: number
  errors: number
  readonly answers: RecentAnswers
  readonly routes: RouteTallies
}

/** Counts exchanges by the generation of the backend that had them. */
export class GenerationTallies {
  private readonly counts = new Map<string, Count>()
  /** Of backends without a generation. */
  private readonly plainRoutes = new RouteTallies()
  private lots: LotTally | undefined

  count(record: ExchangeRecord): void {
    const { generation, status, cause, lot, endedAtMs } = record
    const isWhole = cause === 'completed'
    if (record.answers === undefined || (!isWhole && saysNothing.has(cause))) return
    const failed = status >= 500 || (!isWhole && broken.has(cause))
    const latencyMs = record.responseMs > 0 ? record.responseMs : record.totalMs - record.queueMs
    record.answers.count(status, failed, latencyMs, endedAtMs)
    if (generation === undefined) return this.plainRoutes.count(record, failed, latencyMs)
    const count = this.counts.get(generation) ?? this.add(generation)
    count.answers.count(status, failed, latencyMs, endedAtMs)
    count.routes.count(record, failed, latencyMs)
    count.requests++
    if (failed) count.errors++
    if (lot !== 0) return this.countLot(record, failed)
    if (status < 400 && !failed && isSampled(count.requests)) {
      count.kinds[record.kind]!++
      count.clients[clientGroup(record.clientAddress)]!++
    }
  }

  all(): GenerationTally[] {
    return [...this.counts].map(([generation, { requests, errors, answers }]) => ({
      generation,
      requests,
      errors,
      answers: answers.read(),
      total: answers.total(),
    }))
  }

  routes(): GenerationRoutes[] {
    const plain = this.plainRoutes.all()
    return [
      ...(plain.length === 0 ? [] : [{ generation: null, routes: plain }]),
      ...[...this.counts].map(([generation, { routes }]) => ({ generation, routes: routes.all() })),
    ]
  }

  /**
   * What came of the lots of this comparison so far; it is counted from the first call on.
   *
   * @param before the generation that served before
   */
  compared(comparison: number, before: string): GenerationComparison {
    if (this.lots?.number !== comparison) this.lots = new LotTally(comparison)
    return this.lots.read(this.counts.get(before))
  }

  private countLot(record: ExchangeRecord, failed: boolean): void {
    const { lot, lotFailed, kind, status } = record
    if (this.lots?.number !== Math.abs(lot)) return
    const refused = status >= 400 && status < 500
    const client = clientGroup(record.clientAddress)
    this.lots.count({ kind, client, drawnBefore: lot < 0, failed: failed || lotFailed, refused })
  }

  private add(generation: string): Count {
    const kinds = new Uint32Array(REQUEST_KINDS)
    const count: Count = {
      requests: 0,
      errors: 0,
      answers: new RecentAnswers(performance.now(), { ...MINUTE, isTotalled: true }),
      routes: new RouteTallies(),
      kinds,
      clients: new Uint32Array(CLIENT_GROUPS),
    }
    this.counts.set(generation, count)
    const [oldest] = this.counts.keys()
    if (this.counts.size > MAX_GENERATIONS && oldest !== undefined) this.counts.delete(oldest)
    return count
  }
}

function isSampled(nth: number): boolean {
  return nth <= WHOLE_SAMPLE || nth % SAMPLED === 0
}

/** Ends that are the fault of the client or of the balancer. */
const saysNothing: ReadonlySet<EndCause> = new Set([
  'client-gone',
  'client-timeout',
  'bad-request',
  'closing',
  'local-failure',
])

/** A response that was aborted has the status it began with. */
const broken: ReadonlySet<EndCause> = new Set(['backend-reset', 'bad-response', 'response-timeout'])
