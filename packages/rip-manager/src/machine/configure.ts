import { endObservation } from './observation.ts'
import { drawRecycling } from './worker.ts'
import type { MachineConfig, Pool, Worker } from './state.ts'

/** From here on other limits hold, also for workers that run; what was begun by the old ones ends by them. */
export function configure(pool: Pool, config: MachineConfig): void {
  const { recycle: before } = pool.config
  // Nobody watches any more: those that stand by for it may go.
  if (config.observe === null) endObservation(pool)
  pool.config = config
  const { recycle } = config
  const isSame = before.requests === recycle.requests && before.lifetimeMs === recycle.lifetimeMs
  if (isSame && before.memoryBytes === recycle.memoryBytes) return
  pool.memoryLimitToldFor = null
  for (const worker of pool.workers.values()) judgeAnew(pool, worker, isSame)
}

/** Whoever waits for its turn because of a limit may be within the new one. */
function judgeAnew(pool: Pool, worker: Worker, keepsDraw: boolean): void {
  worker.samplesOverMemory = 0
  if (!keepsDraw) Object.assign(worker, drawRecycling(pool))
  if (worker.recycle === 'memory' || worker.recycle === 'requests' || worker.recycle === 'lifetime')
    worker.recycle = null
}
