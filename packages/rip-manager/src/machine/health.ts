import { workingProcess } from './background-post.ts'
import { expectEveryWorker } from './group.ts'
import { isStopping } from './life.ts'
import type { ManagerHealth } from '../contract/status.ts'
import type { Fleet } from './state.ts'
import { readyWorkers } from './worker.ts'

export function healthOf(fleet: Fleet): ManagerHealth {
  const { state, serving, wanted, held, routing } = fleet
  if (isStopping(fleet)) return state === 'stopped' ? 'stopped' : 'stopping'
  if (serving === undefined) return 'starting'
  const lacking = readyWorkers(serving).length < wanted
  const idle = fleet.background.filter((post) => workingProcess(post) === undefined)
  if ((lacking && serving.budget.spent) || idle.some(({ budget }) => budget.spent)) return 'crash-loop'
  const isCutOff = !routing.online
  if (isCutOff || (lacking && serving.complete) || idle.some(({ hasCrashed }) => hasCrashed))
    return 'degraded'
  return held ? 'held' : 'ok'
}

/** Emits an event when the fleet's health has changed. */
export function reportHealth(fleet: Fleet): void {
  const { serving, wanted } = fleet
  if (serving !== undefined && readyWorkers(serving).length >= wanted) expectEveryWorker(serving)
  const health = healthOf(fleet)
  if (health === fleet.health) return
  fleet.health = health
  fleet.effects.emit({ type: 'health', health })
}
