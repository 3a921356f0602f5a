import { RECYCLE_RETRY_MS, TICK_MS } from '../contract/defaults.ts'
import { endObservation } from './observation.ts'
import type { Pool, Worker } from './state.ts'
import { readyWorkers } from './worker.ts'

/**
 * Somebody removed the run directory: a worker nobody can connect to any more answers on the connections it has,
 * and is replaced before these end.
 */
export function findLostSockets(pool: Pool): void {
  const { serving, observation } = pool
  if (serving === null || pool.phase !== 'running') return
  if (pool.restoring !== null || pool.nowMs < Math.max(pool.recycleAfterMs, pool.socketsCheckMs)) return
  pool.socketsCheckMs = pool.nowMs + TICK_MS
  if (observation !== null && lostIn(pool, observation.before.workers).length > 0) endObservation(pool)
  const lost = lostIn(pool, readyWorkers(serving)).filter(({ recycle }) => recycle !== 'socket-lost')
  if (lost.length === 0) return
  for (const worker of lost) worker.recycle = 'socket-lost'
  const slots = lost.map(({ slot }) => slot).join(', ')
  const message = `no socket leads to worker ${slots} any more, as when the run directory was removed; replacing`
  pool.effects.emit({ type: 'warning', message })
  pool.restoring = pool.nextToken++
  pool.effects.restore(pool.restoring, serving.generation.snapshot)
}

function lostIn({ effects }: Pool, workers: Iterable<Worker>): readonly Worker[] {
  return [...workers].filter(({ stage, socket }) => stage === 'ready' && !effects.hasSocket(socket))
}

export function onRestored(pool: Pool, token: number, error: Error | undefined): void {
  if (pool.restoring !== token) return
  pool.restoring = null
  if (error === undefined) return
  pool.recycleAfterMs = pool.nowMs + RECYCLE_RETRY_MS
  for (const worker of pool.serving?.workers ?? [])
    if (worker.recycle === 'socket-lost') worker.recycle = null
  const message = `what serves cannot be started again: ${error.message}; reload soon`
  pool.effects.emit({ type: 'warning', message })
}
