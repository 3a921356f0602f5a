import type { OomRank } from '../contract/ports.ts'
import type { Fleet, Worker } from './state.ts'

/**
 * Tells the system which workers it may take first when memory runs out: those that get no requests. A candidate, or a
 * generation that stands by or leaves, is given up before one that serves.
 */
export function rankWorkers(fleet: Fleet): void {
  for (const worker of fleet.workers.values()) {
    const rank = rankOf(fleet, worker)
    if (worker.oomRank === rank) continue
    worker.oomRank = rank
    fleet.effects.rank(worker.pid, rank)
  }
}

function rankOf({ serving }: Fleet, { state, group }: Worker): OomRank {
  return state === 'ready' && group === serving ? 'serving' : 'expendable'
}
