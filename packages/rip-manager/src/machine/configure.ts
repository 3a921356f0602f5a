import type { MachineConfig } from './machine-config.ts'
import { endObservation } from './observation.ts'
import { forgetMemoryLimit } from './recycle.ts'
import type { Fleet, Worker } from './state.ts'
import { drawRecycling, unmark } from './worker.ts'

/** Other limits hold from now on, also for workers that run. What was begun under the old ones ends under them. */
export function configure(fleet: Fleet, config: MachineConfig): void {
  const { recycle: former } = fleet.config
  // Answers are not watched any more: workers that stand by for it may go.
  if (config.observe === undefined) endObservation(fleet)
  fleet.config = config
  const { recycle } = config
  const isSame = former.requests === recycle.requests && former.lifetimeMs === recycle.lifetimeMs
  if (isSame && former.memoryBytes === recycle.memoryBytes) return
  forgetMemoryLimit(fleet)
  for (const worker of fleet.workers.values()) judgeAnew(fleet, worker, isSame)
}

/** A worker that waits to be replaced because of a limit may be within the new one. */
function judgeAnew(fleet: Fleet, worker: Worker, keepsDraw: boolean): void {
  worker.samplesOverMemory = 0
  if (!keepsDraw) Object.assign(worker, drawRecycling(fleet))
  if (worker.recycle === 'memory' || worker.recycle === 'requests' || worker.recycle === 'lifetime')
    unmark(worker)
}
