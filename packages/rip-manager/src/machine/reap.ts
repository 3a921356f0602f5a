import { OUTSIDE_KILL_MIN_UPTIME_MS } from '../contract/defaults.ts'
import type { ExitStatus } from '../contract/ports.ts'
import type { ExitReason } from '../contract/exit-reason.ts'
import { exitReason, isKilledFromOutside, isVoluntary } from './exit-reason.ts'
import { forgetIfEmpty } from './group.ts'
import { failureOf, onSuccessorLost } from './recycle.ts'
import { onCandidateLost } from './rollout.ts'
import { isCutting } from './routing.ts'
import type { Group, Pool, Worker } from './state.ts'
import { chargeBudget, enter } from './worker.ts'

/** A process of ours has ended. */
export function reap(pool: Pool, pid: number, status: ExitStatus, stderr: string): void {
  const worker = pool.workers.get(pid)
  if (worker === undefined) return
  const { group } = worker
  const reason = exitReason(worker, status, stderr)
  const crashed = !isVoluntary(reason) && isNews(worker.ending)
  group.abandoned.byWorkers += abandonedBy(worker)
  remove(pool, worker)
  const respawnInMs =
    crashed && fills(pool, worker) ? accountForCrash(pool, group, worker, reason) : undefined
  pool.effects.emit({
    type: 'worker-exited',
    slot: worker.slot,
    pid,
    reason,
    uptimeMs: pool.nowMs - worker.startedMs,
    requests: worker.vitals.requests,
    ...(respawnInMs === undefined ? {} : { respawnInMs }),
  })
  if (worker.replaces !== null && crashed && group.role === 'serving')
    onSuccessorLost(pool, worker.replaces, failureOf(reason))
  if (group.role === 'candidate') {
    onCandidateLost(pool, worker, 'boot-failed', failureOf(reason, `worker ${worker.slot}`))
  }
  forgetIfEmpty(pool, group)
}

/** Requests, WebSockets and event streams that went down with it although it was asked to finish them. */
function abandonedBy({ ending, stage, aborted, vitals }: Worker): number {
  if (ending === null) return 0
  const open = vitals.inFlight + vitals.webSockets + vitals.eventStreams
  return stage === 'killed' ? Math.max(aborted ?? 0, open) : (aborted ?? open)
}

/** A worker that was leaving anyway and crashed on the way has its place filled already. */
function isNews(ending: ExitReason | null): boolean {
  return ending === null || (ending.kind !== 'drained' && ending.kind !== 'recycled')
}

function remove(pool: Pool, worker: Worker): void {
  const { group } = worker
  enter(pool, worker, 'exited')
  pool.workers.delete(worker.pid)
  group.workers.delete(worker)
  if (group.probe === worker) group.probe = null
}

/** Its slot is to be filled again. */
function fills(pool: Pool, { group, replaces }: Worker): boolean {
  return replaces === null && (group.role === 'serving' || (pool.rollout?.group === group && isCutting(pool)))
}

function accountForCrash(pool: Pool, group: Group, worker: Worker, reason: ExitReason): number {
  const { nowMs } = pool
  const uptimeMs = worker.readyMs === null ? 0 : nowMs - worker.readyMs
  pool.restarts += 1
  group.complete = true
  if (isKilledFromOutside(reason, uptimeMs, OUTSIDE_KILL_MIN_UPTIME_MS)) {
    return Math.max(0, group.spawnAfterMs - nowMs)
  }
  return chargeBudget(pool, group)
}
