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
  if (isAnyLeaving(fleet)) return false
  // The builder has just been ended, and its memory may not be free yet.
  rollout.roomCheckMs ??= fleet.nowMs + ROOM_CHECK_MS
  if (fleet.nowMs < rollout.roomCheckMs) return false
  rollout.roomCheckMs = undefined
  if (fleet.observation !== undefined) {
    endObservation(fleet)
    warn(fleet, reckoning, 'the previous generation no longer stands by for a rollback')
    return false
  }
  const worker = dispensable(fleet)
  if (worker === undefined) return true
  giveUp(fleet, rollout, worker)
  warn(fleet, reckoning, `worker ${worker.slot} leaves before the new code boots`)
  return false
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

function warn(fleet: Fleet, reckoning: MemoryReckoning, message: string): void {
  const { availableBytes, workerBytes } = reckoning
  const left = `${mebibytes(availableBytes)} MiB of memory are left`
  const growth = `what runs may grow by ${mebibytes(growthBytes(reckoning))} MiB`
  const needed = `a worker takes up to ${mebibytes(workerBytes)} MiB when it boots`
  fleet.effects.emit({ type: 'warning', message: `${left}, ${growth} and ${needed}: ${message}` })
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20)
}
