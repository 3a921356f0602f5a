import { SURGE_GROWTH } from '../contract/defaults.ts'
import type { Group, Fleet, Worker } from './state.ts'
import { isStaff, readyWorkers } from './worker.ts'

/** How many workers a generation may start beside those that are there. */
export interface Surge {
  readonly starts: number
  /** `waiting`: there may be room for more soon; `limited`: there will not be. */
  readonly verdict: 'enough' | 'waiting' | 'limited'
}

export interface MemoryReckoning {
  readonly availableBytes: number
  /** What workers that have just been started will take and do not take yet. */
  readonly pendingBytes: number
  /** What one worker takes. */
  readonly workerBytes: number
  /** Workers that are neither leaving nor gone. */
  readonly workers: number
}

/** How many more workers there is memory for if every worker grows a little meanwhile; below zero if not even for that. */
export function memoryRoom({ availableBytes, pendingBytes, workerBytes, workers }: MemoryReckoning): number {
  const growthBytes = workerBytes * SURGE_GROWTH
  return Math.floor((availableBytes - pendingBytes - workers * growthBytes) / (workerBytes + growthBytes))
}

/** How many of the missing workers may start now. The answer changes as workers that leave make room. */
export function surgeOf(fleet: Fleet, group: Group, missing: number): Surge {
  const reckoning = reckon(fleet, group)
  const room = reckoning === undefined ? Infinity : memoryRoom(reckoning)
  if (room >= missing) return { starts: missing, verdict: 'enough' }
  // Without any worker the memory would never be measured.
  const starts = Math.max(room, [...group.workers].some(isStaff) ? 0 : 1)
  const waits = starts > 0 || isUnsure(fleet, group) || (missing > 0 && isAnyLeaving(fleet))
  return { starts, verdict: waits ? 'waiting' : 'limited' }
}

export function isAnyLeaving({ workers }: Fleet): boolean {
  return [...workers.values()].some((worker) => !isStaff(worker))
}

/** Says once for each generation that there is no memory for all of its workers. */
export function tellLimited(fleet: Fleet, group: Group): void {
  const reckoning = reckon(fleet, group)
  if (group.limited || reckoning === undefined) return
  group.limited = true
  const { availableBytes, workerBytes } = reckoning
  fleet.effects.emit({
    type: 'surge-limited',
    generation: group.generation.id,
    ready: readyWorkers(group).length,
    wanted: fleet.wanted,
    availableBytes,
    workerBytes: Math.round(workerBytes),
  })
}

/** Undefined as long as it is not known what is left, or what a worker takes. */
function reckon(fleet: Fleet, group: Group): MemoryReckoning | undefined {
  const workerBytes = meanWorkerBytes(fleet)
  if (workerBytes === 0) return undefined
  const reading = fleet.effects.memory()
  if (reading === undefined) return undefined
  const staff = [...fleet.workers.values()].filter(isStaff)
  const young = staff.filter((worker) => worker.state === 'starting' || worker.group === group)
  const pendingBytes = young.reduce((sum, { vitals }) => sum + Math.max(0, workerBytes - vitals.rssBytes), 0)
  return { availableBytes: reading.availableBytes, pendingBytes, workerBytes, workers: staff.length }
}

/** Resident memory of a worker that serves or has served, on average; 0 if none has reported any. */
function meanWorkerBytes({ workers }: Fleet): number {
  const measured = [...workers.values()].filter(({ group, vitals }) => group.served && vitals.rssBytes > 0)
  return measured.reduce((sum, { vitals }) => sum + vitals.rssBytes / measured.length, 0)
}

/** A worker has not reported yet what it takes, and may do so any moment. */
function isUnsure(fleet: Fleet, group: Group): boolean {
  return [...group.workers].some((worker) => worker.state === 'starting' || isUnmeasured(fleet, worker))
}

function isUnmeasured({ config, nowMs }: Fleet, { state, vitals, readyMs }: Worker): boolean {
  if (state !== 'ready' || vitals.rssBytes > 0) return false
  return nowMs - (readyMs ?? nowMs) < 2 * config.beaconMs
}
