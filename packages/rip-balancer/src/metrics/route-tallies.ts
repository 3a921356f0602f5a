import { type AnswerCounts, RecentAnswers } from '../answers/recent-answers.ts'
import type { ExchangeRecord } from '../exchange/record.ts'
import { requestPath } from '../text/request-path.ts'
import { routeName, widerRouteName } from './route-name.ts'
import { Sampler } from './sampler.ts'

/** How a route was answered in the last five to ten minutes. */
export interface RouteTally {
  /** Method and path, in which what names one of many is folded; see `routeName`. */
  readonly route: string
  readonly answers: AnswerCounts
}

/** Routes with a row of their own; further ones share one for each first segment, and those the last one. */
const MAX_ROUTES = 100
const MAX_WIDER_ROUTES = 20
const REST = '* (other routes)'
/** Answers that took longer are told apart, so that few slow ones are not lost among many fast ones. */
const SLOW_MS = 50
/** Rows are looked through for unused ones no more often. */
const SWEEP_MS = 10_000
const SPAN = { partMs: 300_000, parts: 2 } as const

/** Counts answers by route: a bounded number of rows, of which a client cannot make the others disappear. */
export class RouteTallies {
  private readonly rows = new Map<string, RecentAnswers>()
  private readonly widerRows = new Map<string, RecentAnswers>()
  private readonly fast = new Sampler()
  private readonly notable = new Sampler()
  private sweptAtMs = Number.NEGATIVE_INFINITY

  count(record: ExchangeRecord, failed: boolean, latencyMs: number): void {
    const { endedAtMs, status } = record
    const weight = (failed || latencyMs >= SLOW_MS ? this.notable : this.fast).weight(endedAtMs)
    if (weight === 0) return
    this.rowOf(record).count(status, failed, latencyMs, endedAtMs, weight)
  }

  /** Routes that were asked for lately. */
  all(): RouteTally[] {
    return [...this.rows, ...this.widerRows]
      .map(([route, row]) => ({ route, answers: row.read() }))
      .filter(({ answers }) => answers.latencies.length > 0)
  }

  /** Paths that are not there make no rows, as anyone can invent them. */
  private rowOf({ method, target, status, endedAtMs }: ExchangeRecord): RecentAnswers {
    const path = requestPath(target)
    const route = `${method} ${routeName(path)}`
    const row = this.rows.get(route)
    if (row !== undefined) return row
    const mayAdd = status !== 404 && (this.rows.size < MAX_ROUTES || this.dropUnused(endedAtMs))
    if (mayAdd) return added(this.rows, route, endedAtMs)
    const wider = status === 404 ? REST : `${method} ${widerRouteName(path)}`
    const known = this.widerRows.get(wider)
    if (known !== undefined) return known
    const name = this.widerRows.size < MAX_WIDER_ROUTES ? wider : REST
    return this.widerRows.get(name) ?? added(this.widerRows, name, endedAtMs)
  }

  /** Returns whether there is room now. */
  private dropUnused(nowMs: number): boolean {
    if (nowMs - this.sweptAtMs < SWEEP_MS) return false
    this.sweptAtMs = nowMs
    for (const [route, row] of this.rows) if (row.isEmpty(nowMs)) this.rows.delete(route)
    return this.rows.size < MAX_ROUTES
  }
}

function added(rows: Map<string, RecentAnswers>, route: string, nowMs: number): RecentAnswers {
  const row = new RecentAnswers(nowMs, SPAN)
  rows.set(route, row)
  return row
}
