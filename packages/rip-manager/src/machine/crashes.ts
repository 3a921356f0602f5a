import { OBSERVED_BACKOFF_CAP_MS, OUTSIDE_KILL_MIN_UPTIME_MS } from '../contract/defaults.ts'
import type { ExitReason } from '../contract/exit-reason.ts'
import { isKilledFromOutside } from './exit-reason.ts'
import { expectEveryWorker } from './group.ts'
import type { Fleet, Group, Worker } from './state.ts'

/** A worker of the group has died. Returns the delay before its replacement may start. */
export function onCrash(fleet: Fleet, group: Group, worker: Worker, reason: ExitReason): number {
  const { nowMs } = fleet
  const uptimeMs = worker.readyMs === undefined ? 0 : nowMs - worker.readyMs
  fleet.counters.restart()
  expectEveryWorker(group)
  if (isKilledFromOutside(reason, uptimeMs, OUTSIDE_KILL_MIN_UPTIME_MS)) {
    return Math.max(0, group.spawnAfterMs - nowMs)
  }
  return chargeBudget(fleet, group)
}

/** An exception that nothing caught is a crash in all but name, only that what runs is finished. */
export function onUnhealthy(fleet: Fleet, group: Group): void {
  fleet.counters.restart()
  expectEveryWorker(group)
  chargeBudget(fleet, group)
}

/** The system refused to start a process, which is no crash of the code: it is asked again after a pause. */
export function onStartRefused(fleet: Fleet, group: Group): void {
  const { nowMs, config } = fleet
  group.spawnAfterMs = nowMs + Math.max(config.crash.backoffBaseMs, group.budget.crash(nowMs))
}

/** The code of a generation has cost a worker. Returns the delay before the next one may start. */
function chargeBudget(fleet: Fleet, group: Group): number {
  const { nowMs } = fleet
  const delayMs = Math.min(group.budget.crash(nowMs), maxDelayMs(fleet, group))
  group.lastCrashMs = nowMs
  group.spawnAfterMs = Math.max(group.spawnAfterMs, nowMs + delayMs)
  return group.spawnAfterMs - nowMs
}

/** Lots show whether the code is to blame, and can only be drawn while it has a worker. */
function maxDelayMs({ observation, config, nowMs }: Fleet, { state }: Group): number {
  const isJudged =
    config.observe?.compares === true && observation !== undefined && nowMs < observation.untilMs
  return isJudged && state === 'serving' ? OBSERVED_BACKOFF_CAP_MS : Infinity
}
