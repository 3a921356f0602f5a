import { MEMORY_BUDGET_GROWTH, MEMORY_BUDGET_PAUSE_MS } from '../contract/defaults.ts'
import type { MemoryReading } from '../contract/ports.ts'
import { endObservation } from './observation.ts'
import type { Group, Pool, Worker } from './state.ts'
import { isSomebodyLeaving } from './surge.ts'
import { readyWorkers } from './worker.ts'

type Limit = NonNullable<MemoryReading['limit']>

/**
 * When the memory limit of everybody together is nearly used up, the largest worker is replaced before the kernel
 * kills one. Only what lasts counts, and nothing is done where there is no limit.
 */
export function keepBudget(pool: Pool): void {
  const { config, serving, nowMs } = pool
  const { budgetShare, memorySamples } = config.recycle
  if (budgetShare === 0 || serving === null || pool.phase !== 'running' || nowMs < pool.budget.checkMs) return
  pool.budget.checkMs = nowMs + config.beaconMs
  const limit = pool.effects.memory()?.limit ?? null
  if (limit === null || limit.usedBytes <= budgetShare * limit.bytes) return relax(pool)
  pool.budget.samples += 1
  if (pool.budget.samples >= memorySamples) relieve(pool, serving, limit)
}

function relax(pool: Pool): void {
  pool.budget.samples = 0
  pool.budget.told = false
}

/** One thing at a time: what was begun has to show its effect first. */
function relieve(pool: Pool, serving: Group, limit: Limit): void {
  if (pool.rollout !== null || isSomebodyLeaving(pool) || pool.nowMs < pool.budget.pauseMs) return
  pool.budget.samples = 0
  if (pool.observation !== null) return letGoOfWarm(pool, limit)
  const ready = readyWorkers(serving)
  if (ready.some(({ recycle }) => recycle !== null) || ready.length < pool.wanted) return
  const worker = largestGrown(ready)
  if (worker === undefined) return tellUseless(pool, limit)
  pool.budget.pauseMs = pool.nowMs + MEMORY_BUDGET_PAUSE_MS
  worker.recycle = 'memory-budget'
  const size = mebibytes(worker.vitals.rssBytes)
  warn(pool, limit, `worker ${worker.slot}, the largest with ${size} MiB, is replaced`)
}

/** Whoever only stands by is the first to go. */
function letGoOfWarm(pool: Pool, limit: Limit): void {
  endObservation(pool)
  warn(pool, limit, 'the generation before no longer stands by for a rollback')
}

/** A fresh process in its place has to take clearly less. */
export function largestGrown(workers: readonly Worker[]): Worker | undefined {
  const grown = workers.filter(({ vitals, freshBytes }) => {
    return freshBytes > 0 && vitals.rssBytes >= freshBytes * (1 + MEMORY_BUDGET_GROWTH)
  })
  return grown.toSorted((one, other) => other.vitals.rssBytes - one.vitals.rssBytes)[0]
}

function tellUseless(pool: Pool, limit: Limit): void {
  if (pool.budget.told) return
  pool.budget.told = true
  warn(pool, limit, 'no worker has grown since it started, so that replacing one would not help')
}

function warn(pool: Pool, { bytes, usedBytes }: Limit, message: string): void {
  const used = `${mebibytes(usedBytes)} of ${mebibytes(bytes)} MiB of memory are used`
  pool.effects.emit({ type: 'warning', message: `${used}: ${message}` })
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20)
}
