import type { ExitStatus } from '../contract/ports.ts'
import type { ExitReason } from '../contract/exit-reason.ts'
import { reapBackground } from './background-crashes.ts'
import { findBackground } from './background-post.ts'
import { onCrash } from './crashes.ts'
import { exitReason, isBystander, isVoluntary } from './exit-reason.ts'
import { failureOf } from './failure.ts'
import { forgetIfEmpty } from './group.ts'
import { onSuccessorLost } from './recycle.ts'
import { startCandidateAgain } from './rollout.ts'
import { isCutting, onCandidateLost } from './rollout-end.ts'
import type { Fleet, Worker } from './state.ts'
import { enter } from './worker.ts'

/** So often in a row a process that did not serve yet is started again at once. */
const BYSTANDERS_IN_A_ROW = 3

/** A process of ours has ended. */
export function reap(fleet: Fleet, pid: number, status: ExitStatus, stderr: string): void {
  const worker = fleet.workers.get(pid)
  const background = findBackground(fleet, pid)
  if (background !== undefined) return reapBackground(fleet, background, status, stderr)
  if (worker === undefined) return
  const { group } = worker
  const reason = exitReason(worker, status, stderr)
  const crashed = !isVoluntary(reason) && isNews(worker.ending)
  const again = isStartedAgain(worker, reason)
  group.abandoned.byWorkers += abandonedBy(worker)
  remove(fleet, worker)
  const respawnInMs = crashed && fills(fleet, worker) ? onCrash(fleet, group, worker, reason) : undefined
  fleet.effects.emit({
    type: 'worker-exited',
    slot: worker.slot,
    pid,
    reason,
    uptimeMs: fleet.nowMs - worker.startedMs,
    requests: worker.vitals.requests,
    ...(respawnInMs === undefined ? {} : { respawnInMs }),
  })
  if (again) startCandidateAgain(fleet, group)
  else tellLost(fleet, worker, reason, crashed)
  forgetIfEmpty(fleet, group)
}

/** The recycling of its predecessor, or the rollout, goes on with another process. */
function isStartedAgain({ state, group, replaces }: Worker, reason: ExitReason): boolean {
  if (state !== 'starting' || !isBystander(reason)) return false
  if (replaces === undefined && group.state !== 'candidate') return false
  group.bystanders += 1
  return group.bystanders <= BYSTANDERS_IN_A_ROW
}

function tellLost(fleet: Fleet, worker: Worker, reason: ExitReason, crashed: boolean): void {
  const { group, replaces, slot } = worker
  if (replaces !== undefined && crashed && group.state === 'serving')
    onSuccessorLost(fleet, replaces, failureOf(reason))
  if (group.state === 'candidate')
    onCandidateLost(fleet, worker, 'boot-failed', failureOf(reason, `worker ${slot}`))
}

/** Requests, WebSockets and event streams that ended with a worker that had been asked to finish them. */
function abandonedBy({ ending, state, abandoned, vitals }: Worker): number {
  if (ending === undefined) return 0
  const open = vitals.inFlight + vitals.webSockets + vitals.eventStreams
  return state === 'killed' ? Math.max(abandoned ?? 0, open) : (abandoned ?? open)
}

/** The crash of a worker that was leaving anyway is no news: its place is filled already. */
function isNews(ending: ExitReason | undefined): boolean {
  return ending === undefined || (ending.kind !== 'drained' && ending.kind !== 'recycled')
}

function remove(fleet: Fleet, worker: Worker): void {
  const { group } = worker
  enter(fleet, worker, 'exited')
  fleet.workers.delete(worker.pid)
  group.workers.delete(worker)
  if (group.probe === worker) group.probe = undefined
}

/** The worker's slot has to be filled again. */
function fills(fleet: Fleet, { group, replaces }: Worker): boolean {
  return (
    replaces === undefined &&
    (group.state === 'serving' || (fleet.rollout?.group === group && isCutting(fleet)))
  )
}
