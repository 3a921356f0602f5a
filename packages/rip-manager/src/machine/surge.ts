import { SURGE_GROWTH, SURGE_OWN_GROWTH_BYTES } from '../contract/defaults.ts'
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
  /** What workers that have just been started, manager and balancer will take and do not take yet. */
  readonly pendingBytes: number
  /** What one worker takes. */
  readonly workerBytes: number
  /** Workers that are neither leaving nor gone. */
  readonly workers: number
}

/** How many more workers there is memory for if every worker grows a little meanwhile; below zero if not even for that. */
export function memoryRoom(reckoning: MemoryReckoning): number {
  const { availableBytes, workerBytes } = reckoning
  return Math.floor((availableBytes - growthBytes(reckoning)) / (workerBytes + workerBytes * SURGE_GROWTH))
}

/** By how much everything that runs may grow. */
export function growthBytes({ pendingBytes, workerBytes, workers }: MemoryReckoning): number {
  return pendingBytes + workers * workerBytes * SURGE_GROWTH
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
    growthBytes: Math.round(growthBytes(reckoning)),
  })
}

/** Undefined as long as it is not known what is left, or what a worker takes. */
export function reckon(fleet: Fleet, group?: Group): MemoryReckoning | undefined {
  const workerBytes = meanWorkerBytes(fleet)
  if (workerBytes === 0) return undefined
  const reading = fleet.effects.memory()
  if (reading === undefined) return undefined
  const staff = [...fleet.workers.values()].filter(isStaff)
  const young = staff.filter((worker) => worker.state === 'starting' || worker.group === group)
  const youngBytes = young.reduce((sum, worker) => sum + Math.max(0, workerBytes - bytesOf(worker)), 0)
  const pendingBytes = youngBytes + ownGrowth(fleet)
  return { availableBytes: reading.availableBytes, pendingBytes, workerBytes, workers: staff.length }
}

/** Memory of a worker that serves or has served, on average; 0 if that of none is known. */
function meanWorkerBytes({ workers }: Fleet): number {
  const measured = [...workers.values()].filter((worker) => worker.group.served && bytesOf(worker) > 0)
  return measured.reduce((sum, worker) => sum + bytesOf(worker) / measured.length, 0)
}

/** Its own memory at the peak of its boot, or else its resident memory, a part of which is shared; 0 if not known. */
function bytesOf({ ownBytes, vitals }: Worker): number {
  return ownBytes > 0 ? ownBytes : vitals.rssBytes
}

/** Where resident memory is compared, what the workers share is counted for each of them, and reserve enough. */
function ownGrowth({ workers }: Fleet): number {
  return [...workers.values()].some(({ ownBytes }) => ownBytes > 0) ? SURGE_OWN_GROWTH_BYTES : 0
}

/** A worker has not reported yet what it takes, and may do so any moment. */
function isUnsure(fleet: Fleet, group: Group): boolean {
  return [...group.workers].some((worker) => worker.state === 'starting' || isUnmeasured(fleet, worker))
}

function isUnmeasured({ config, nowMs }: Fleet, worker: Worker): boolean {
  const { state, readyMs } = worker
  if (state !== 'ready' || bytesOf(worker) > 0) return false
  return nowMs - (readyMs ?? nowMs) < 2 * config.beaconMs
}
