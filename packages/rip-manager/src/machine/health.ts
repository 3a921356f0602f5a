import { isStopping } from './stopping.ts'
import type { ManagerHealth } from '../contract/status.ts'
import type { Pool } from './state.ts'
import { readyWorkers } from './worker.ts'

export function healthOf(pool: Pool): ManagerHealth {
  const { phase, serving, wanted, held } = pool
  if (isStopping(pool)) return phase === 'stopped' ? 'stopped' : 'stopping'
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
