import { MEMORY_BUDGET_GROWTH, MEMORY_BUDGET_PAUSE_MS } from '../contract/defaults.ts'
import type { MemoryReading } from '../contract/ports.ts'
import { endObservation } from './observation.ts'
import type { Group, Fleet, Worker } from './state.ts'
import { isAnyLeaving } from './surge.ts'
import { markForReplacement, readyWorkers } from './worker.ts'

type Limit = NonNullable<MemoryReading['limit']>

/**
 * When the memory limit of all processes together is nearly used up, the largest worker is replaced before the kernel
 * kills one. A spike does not count, and nothing is done where there is no limit.
 */
export function keepBudget(fleet: Fleet): void {
  const { config, serving, nowMs } = fleet
  const { budgetShare, memorySamples } = config.recycle
  if (
    budgetShare === 0 ||
    serving === undefined ||
    fleet.state !== 'running' ||
    nowMs < fleet.memoryBudget.checkMs
  )
    return
  fleet.memoryBudget.checkMs = nowMs + config.beaconMs
  const limit = fleet.effects.memory()?.limit
  if (limit === undefined || limit.usedBytes <= budgetShare * limit.bytes) return relax(fleet)
  fleet.memoryBudget.samples += 1
  if (fleet.memoryBudget.samples >= memorySamples) relieve(fleet, serving, limit)
}

function relax(fleet: Fleet): void {
  fleet.memoryBudget.samples = 0
  fleet.memoryBudget.told = false
}

/** Does one thing at a time: what was begun has to show its effect first. */
function relieve(fleet: Fleet, serving: Group, limit: Limit): void {
  if (fleet.rollout !== undefined || isAnyLeaving(fleet) || fleet.nowMs < fleet.memoryBudget.pauseMs) return
  fleet.memoryBudget.samples = 0
  if (fleet.observation !== undefined) return dropStandby(fleet, limit)
  const ready = readyWorkers(serving)
  if (ready.some(({ recycle }) => recycle !== undefined) || ready.length < fleet.wanted) return
  const worker = largestGrown(ready)
  if (worker === undefined) return tellUseless(fleet, limit)
  fleet.memoryBudget.pauseMs = fleet.nowMs + MEMORY_BUDGET_PAUSE_MS
  markForReplacement(worker, 'memory-budget')
  const size = mebibytes(worker.vitals.rssBytes)
  warn(fleet, limit, `worker ${worker.slot}, the largest with ${size} MiB, is replaced`)
}

/** A generation that only stands by is the first to go. */
function dropStandby(fleet: Fleet, limit: Limit): void {
  endObservation(fleet)
  warn(fleet, limit, 'the previous generation no longer stands by for a rollback')
}

/** The largest worker for which a fresh process would take clearly less. */
export function largestGrown(workers: readonly Worker[]): Worker | undefined {
  const grown = workers.filter(({ vitals, freshBytes }) => {
    return freshBytes > 0 && vitals.rssBytes >= freshBytes * (1 + MEMORY_BUDGET_GROWTH)
  })
  return grown.toSorted((one, other) => other.vitals.rssBytes - one.vitals.rssBytes)[0]
}

function tellUseless(fleet: Fleet, limit: Limit): void {
  if (fleet.memoryBudget.told) return
  fleet.memoryBudget.told = true
  warn(fleet, limit, 'no worker has grown since it started, so that replacing one would not help')
}

function warn(fleet: Fleet, { bytes, usedBytes }: Limit, message: string): void {
  const used = `${mebibytes(usedBytes)} of ${mebibytes(bytes)} MiB of memory are used`
  fleet.effects.emit({ type: 'warning', message: `${used}: ${message}` })
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20)
}
