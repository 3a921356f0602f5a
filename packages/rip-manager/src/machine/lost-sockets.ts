import { TICK_MS } from '../contract/defaults.ts'
import { endObservation } from './observation.ts'
import { pauseRecycling } from './recycle.ts'
import type { Fleet, Worker } from './state.ts'
import { markForReplacement, readyWorkers, unmark } from './worker.ts'

/**
 * The run directory was removed: a worker that can no longer be connected to answers on the connections it has,
 * and is replaced before these end.
 */
export function findLostSockets(fleet: Fleet): void {
  const { serving, observation } = fleet
  if (serving === undefined || fleet.state !== 'running') return
  if (fleet.restoring !== undefined || fleet.nowMs < Math.max(fleet.recycleAfterMs, fleet.socketsCheckMs))
    return
  fleet.socketsCheckMs = fleet.nowMs + TICK_MS
  if (observation !== undefined && lostIn(fleet, observation.previous.workers).length > 0)
    endObservation(fleet)
  const lost = lostIn(fleet, readyWorkers(serving)).filter(({ recycle }) => recycle !== 'socket-lost')
  if (lost.length === 0) return
  for (const worker of lost) markForReplacement(worker, 'socket-lost')
  const slots = lost.map(({ slot }) => slot).join(', ')
  const message = `no socket leads to worker ${slots} any more, as when the run directory was removed; replacing`
  fleet.effects.emit({ type: 'warning', message })
  fleet.restoring = fleet.tokens.next()
  fleet.effects.restore(fleet.restoring, serving.generation.snapshot)
}

function lostIn({ effects }: Fleet, workers: Iterable<Worker>): readonly Worker[] {
  return [...workers].filter(({ state, socket }) => state === 'ready' && !effects.hasSocket(socket))
}

export function onRestored(fleet: Fleet, token: number, error: Error | undefined): void {
  if (fleet.restoring !== token) return
  fleet.restoring = undefined
  if (error === undefined) return
  pauseRecycling(fleet)
  for (const worker of fleet.serving?.workers ?? []) if (worker.recycle === 'socket-lost') unmark(worker)
  const message = `what serves cannot be started again: ${error.message}; reload soon`
  fleet.effects.emit({ type: 'warning', message })
}
