import type { PoolHealth } from '../snapshot.ts'
import type { Pool } from './state.ts'
import { readyWorkers } from './worker.ts'

export function healthOf({ phase, serving, wanted, held }: Pool): PoolHealth {
  if (phase === 'stopping' || phase === 'stopped') return phase
  if (serving === null) return 'starting'
  const lacking = readyWorkers(serving).length < wanted
  if (lacking && serving.budget.spent) return 'crash-loop'
  if (lacking && serving.complete) return 'degraded'
  return held ? 'held' : 'ok'
}

/** Says so when the pool's health has changed. */
export function reportHealth(pool: Pool): void {
  const { serving, wanted } = pool
  if (serving !== null && readyWorkers(serving).length >= wanted) serving.complete = true
  const health = healthOf(pool)
  if (health === pool.health) return
  pool.health = health
  pool.effects.emit({ type: 'health', health })
}
