import { ROOM_CHECK_MS } from '../contract/defaults.ts'
import { expectGrowth } from './group.ts'
import { endObservation } from './observation.ts'
import type { Fleet, Group, Rollout, Worker } from './state.ts'
import { growthBytes, isAnyLeaving, type MemoryReckoning, memoryRoom, reckon } from './surge.ts'
import { readyWorkers, withdraw } from './worker.ts'

/**
 * Whether the first worker of a generation may boot: beside those that are there, or, where memory is too scarce for that, in
 * the place of one that has left. Of the generation that serves, one worker stays whatever happens: if there is no room for
 * another beside it, the candidate boots all the same, and is what the kernel takes first.
 */
export function hasRoomToBoot(fleet: Fleet, rollout: Rollout, group: Group): boolean {
  const reckoning = reckon(fleet, group)
  if (reckoning === undefined || memoryRoom(reckoning) >= 1) return true
  const needed = `a worker takes up to ${mebibytes(reckoning.workerBytes)} MiB when it boots`
  return !makeRoom(fleet, rollout, `${figures(reckoning)} and ${needed}`)
}

/** The same for the build, which ends before the first worker boots. */
export function hasRoomToBuild(fleet: Fleet, rollout: Rollout): boolean {
  const reckoning = reckon(fleet)
  const bytes = fleet.effects.buildBytes()
  if (reckoning === undefined || reckoning.availableBytes - growthBytes(reckoning) >= bytes) return true
  return !makeRoom(fleet, rollout, `${figures(reckoning)} and a build takes up to ${mebibytes(bytes)} MiB`)
}

/** Has something leave, one after the other. Returns false when nothing is left that may. @param why the figures, in words */
function makeRoom(fleet: Fleet, rollout: Rollout, why: string): boolean {
  if (isAnyLeaving(fleet)) return true
  // The builder has just been ended, and its memory may not be free yet.
  rollout.roomCheckMs ??= fleet.nowMs + ROOM_CHECK_MS
  if (fleet.nowMs < rollout.roomCheckMs) return true
  rollout.roomCheckMs = undefined
  if (fleet.observation !== undefined) {
    endObservation(fleet)
    warn(fleet, `${why}: the previous generation no longer stands by for a rollback`)
    return true
  }
  const worker = dispensable(fleet)
  if (worker === undefined) return false
  giveUp(fleet, rollout, worker)
  warn(
    fleet,
    `${why}: worker ${worker.slot} leaves before the new code ${rollout.group ? 'boots' : 'is built'}`,
  )
  return true
}

/** The worker with the highest number: what an application does in the first one only goes on for longest. */
function dispensable({ serving }: Fleet): Worker | undefined {
  const ready = serving === undefined ? [] : readyWorkers(serving)
  if (ready.length <= 1) return undefined
  return ready.toSorted((one, other) => other.slot - one.slot)[0]
}

/** Its place stays empty until the rollout has ended. */
function giveUp(fleet: Fleet, rollout: Rollout, worker: Worker): void {
  rollout.yielded.add(worker.slot)
  worker.group.growing = true
  expectGrowth(worker.group)
  withdraw(fleet, worker, { kind: 'drained' })
}

function figures(reckoning: MemoryReckoning): string {
  const left = `${mebibytes(reckoning.availableBytes)} MiB of memory are left`
  return `${left}, what runs may grow by ${mebibytes(growthBytes(reckoning))} MiB`
}

function warn(fleet: Fleet, message: string): void {
  fleet.effects.emit({ type: 'warning', message })
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20)
}
