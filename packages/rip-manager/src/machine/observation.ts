import { judge, total } from './comparison.ts'
import { retire } from './group.ts'
import type { ObservedCounts } from './inputs.ts'
import { beginRollback } from './rollout.ts'
import { newWish } from './scout.ts'
import type { Group, Observation, Pool } from './state.ts'
import type { Comparison, ResponseCounts } from '../contract/ports.ts'
import type { GenerationId } from '../contract/router.ts'

/** Fewer answers are no reason to compare. */
const SUSPECT_REQUESTS = 10
const SUSPECT_ERRORS = 5
/** Lots are drawn on for so many looks when nobody asks again. */
const COMPARES_FOR_LOOKS = 5
/** The router may hear so late that it shall draw. */
const LATE_MS = 1_000

/** The generation before stands by while the answers of the new one are watched. */
export function beginObservation(pool: Pool, before: Group): void {
  const { observe } = pool.config
  if (observe === null) return
  before.role = 'warm'
  pool.observation = {
    before,
    untilMs: pool.nowMs + observe.windowMs,
    baseline: null,
    nextMs: pool.nowMs,
    token: 0,
    comparing: false,
    crashesFromMs: pool.nowMs,
    cleared: 0,
  }
}

/** Nobody will return to the generation before without being told to. */
export function endObservation(pool: Pool): void {
  const { observation } = pool
  if (observation === null) return
  pool.observation = null
  if (observation.before.role === 'warm') retire(pool, observation.before)
}

export function observe(pool: Pool): void {
  const { observation, serving, effects, nowMs } = pool
  if (observation === null || serving === null) return
  const compares = pool.config.observe?.compares === true
  if (compares && hasCrashed(pool, observation)) compareFromNowOn(pool, observation)
  // Code that cannot stay alive leaves what it cannot take to the code before.
  if (nowMs >= observation.untilMs && !(compares && serving.budget.spent)) return endObservation(pool)
  if (nowMs < observation.nextMs) return
  const everyMs = pool.config.observe?.everyMs ?? Infinity
  const { before } = observation
  observation.nextMs = nowMs + everyMs
  observation.token = pool.nextToken++
  if (observation.comparing) {
    const forMs = everyMs * COMPARES_FOR_LOOKS
    before.drawnUntilMs = nowMs + forMs + LATE_MS
    effects.compare(observation.token, before.generation.id, forMs)
  } else effects.observe(observation.token, serving.generation.id, before.generation.id)
}

export function onObserved(pool: Pool, token: number, counts: ObservedCounts | undefined): void {
  const { observation } = pool
  if (observation?.token !== token || counts === undefined || pool.rollout !== null) return
  const since = answersSinceCut(observation, counts.serving)
  if (pool.config.observe!.compares) return suspect(pool, observation, since, counts.before)
  if (!isWorse(pool, since, counts.before)) return
  const reason =
    `${since.errors} of ${since.requests} answers failed (${percent(shareOf(since))}); ` +
    `it was ${percent(shareOf(counts.before))} before`
  rollBackAutomatically(pool, observation.before, reason)
}

/** Clients can make answers fail: it takes lots to tell whether the code is to blame. */
function suspect(pool: Pool, observation: Observation, since: ResponseCounts, before: ResponseCounts): void {
  const { maxErrorRate } = pool.config.observe!
  const patience = 2 ** observation.cleared
  if (since.requests < SUSPECT_REQUESTS * patience || since.errors < SUSPECT_ERRORS * patience) return
  if (shareOf(since) <= shareOf(before) + maxErrorRate) return
  tellSuspicion(pool, observation, since)
  compareFromNowOn(pool, observation)
}

/** Since the cut, or since it was cleared. */
function hasCrashed({ serving }: Pool, { crashesFromMs }: Observation): boolean {
  return serving !== null && serving.lastCrashMs >= crashesFromMs
}

function compareFromNowOn(pool: Pool, observation: Observation): void {
  if (observation.comparing) return
  observation.comparing = true
  observation.nextMs = pool.nowMs
  // Once only: nobody keeps the generation before from leaving by making answers fail.
  if (observation.cleared === 0) observation.untilMs = pool.nowMs + pool.config.observe!.windowMs
}

function tellSuspicion(pool: Pool, { before }: Observation, { errors, requests }: ResponseCounts): void {
  const previous = before.generation.id
  pool.effects.emit({ type: 'generation-suspected', ...servingId(pool), previous, errors, requests })
}

export function onCompared(pool: Pool, token: number, comparison: Comparison | undefined): void {
  const { observation } = pool
  if (observation?.token !== token || comparison === undefined || pool.rollout !== null) return
  const { minErrors, maxErrorRate } = pool.config.observe!
  const verdict = judge(comparison, { minErrors, maxErrorRate, crashed: hasCrashed(pool, observation) })
  if (verdict === 'worse') return rollBackAutomatically(pool, observation.before, reasonOf(comparison))
  if (verdict === 'open' || pool.serving?.budget.spent === true) return
  pool.effects.emit({ type: 'generation-cleared', ...servingId(pool) })
  observation.comparing = false
  observation.crashesFromMs = pool.nowMs
  observation.cleared += 1
  observation.baseline = null
}

function servingId({ serving }: Pool): { readonly generation: GenerationId } {
  // Nothing is observed before something serves.
  return { generation: serving!.generation.id }
}

function reasonOf({ kinds }: Comparison): string {
  const now = { requests: total(kinds, 'requests'), errors: total(kinds, 'failed') }
  const before = { requests: total(kinds, 'requestsBefore'), errors: total(kinds, 'failedBefore') }
  return (
    `${now.errors} of ${now.requests} answers failed (${percent(shareOf(now))}); ` +
    `it was ${percent(shareOf(before))} before`
  )
}

/** Without those the same content gave when it served once already. */
function answersSinceCut(observation: Observation, counts: ResponseCounts): ResponseCounts {
  observation.baseline ??= counts
  // Fewer than at the cut: the router is a new one and began anew.
  if (counts.requests < observation.baseline.requests) observation.baseline = { requests: 0, errors: 0 }
  const { requests, errors } = observation.baseline
  return { requests: counts.requests - requests, errors: counts.errors - errors }
}

/** Few answers say little: one failure among ten is no reason to go back. */
function isWorse({ config }: Pool, now: ResponseCounts, before: ResponseCounts): boolean {
  const { minRequests, minErrors, maxErrorRate } = config.observe!
  if (now.requests < minRequests || now.errors < minErrors) return false
  return shareOf(now) > shareOf(before) + maxErrorRate
}

function rollBackAutomatically(pool: Pool, before: Group, reason: string): void {
  const wish = newWish(pool, { commands: [], reason, unasked: true })
  pool.observation = null
  beginRollback(pool, before.generation, before, wish)
}

function shareOf({ requests, errors }: ResponseCounts): number {
  return requests === 0 ? 0 : errors / requests
}

function percent(rate: number): string {
  return `${(rate * 100).toFixed(1)} %`
}
