import { retire } from './group.ts'
import type { ObservedCounts } from './inputs.ts'
import { beginRollback } from './rollout.ts'
import type { Group, Pool } from './state.ts'

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
  if (nowMs >= observation.untilMs) return endObservation(pool)
  if (nowMs < observation.nextMs) return
  observation.nextMs = nowMs + (pool.config.observe?.everyMs ?? Infinity)
  observation.token = pool.nextToken++
  effects.observe(observation.token, serving.generation.id, observation.before.generation.id)
}

export function onObserved(pool: Pool, token: number, counts: ObservedCounts | undefined): void {
  const { observation } = pool
  if (observation?.token !== token || counts === undefined || pool.rollout !== null) return
  const { minRequests, maxErrorRate } = pool.config.observe!
  const { serving, before } = counts
  if (serving.requests < minRequests) return
  const rate = serving.errors / serving.requests
  const usual = before.requests === 0 ? 0 : before.errors / before.requests
  if (rate <= usual + maxErrorRate) return
  const because =
    `${serving.errors} of ${serving.requests} answers failed (${percent(rate)}); ` +
    `it was ${percent(usual)} before`
  rollBackAutomatically(pool, observation.before, because)
}

function rollBackAutomatically(pool: Pool, before: Group, because: string): void {
  const wish = { commands: [], because, sinceMs: pool.nowMs, confirms: false, retried: false }
  pool.observation = null
  beginRollback(pool, before.generation, before, wish)
}

function percent(rate: number): string {
  return `${(rate * 100).toFixed(1)} %`
}
