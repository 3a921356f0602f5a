import { OBSERVED_BACKOFF_CAP_MS, OUTSIDE_KILL_MIN_UPTIME_MS } from '../contract/defaults.ts'
import type { ExitReason } from '../contract/exit-reason.ts'
import type { ExitStatus } from '../contract/ports.ts'
import { postOf } from './background-post.ts'
import { prolongTrial } from './background-trial.ts'
import { exitReason, isKilledFromOutside, isVoluntary } from './exit-reason.ts'
import { type Failure, failureOf } from './failure.ts'
import { refuseRestart } from './restart.ts'
import { mayReturn, returnUnasked } from './rollback.ts'
import { isCutting, refuse } from './rollout-end.ts'
import type { BackgroundPost, BackgroundProcess, Fleet } from './state.ts'

/** A background process has ended. */
export function reapBackground(
  fleet: Fleet,
  process: BackgroundProcess,
  status: ExitStatus,
  stderr: string,
): void {
  const { name, pid, startedMs, generation, ending } = process
  const post = postOf(fleet, process)
  const reason = exitReason(process, status, stderr)
  const isPlanned = ending?.kind === 'drained' || ending?.kind === 'recycled'
  const crashed = !isPlanned && !isVoluntary(reason)
  post.processes.delete(process)
  const isServing = generation === fleet.serving?.generation && fleet.state === 'running'
  const respawnInMs = crashed && isServing ? onCrash(fleet, post, process, reason) : undefined
  const failure = failureIn(post, reason)
  const returns = respawnInMs !== undefined && isUnfit(fleet, post, process, failure) && mayReturn(fleet)
  fleet.effects.emit({
    type: 'background-exited',
    name,
    pid,
    reason,
    uptimeMs: fleet.nowMs - startedMs,
    ...(respawnInMs !== undefined && !returns && { respawnInMs }),
  })
  if (returns) return returnUnasked(fleet, failure.message)
  if (crashed) onLost(fleet, post, process, failure)
}

/** Returns the delay before the next process may start. */
function onCrash(
  fleet: Fleet,
  post: BackgroundPost,
  { workingMs }: BackgroundProcess,
  reason: ExitReason,
): number {
  const { nowMs } = fleet
  post.restarts += 1
  fleet.counters.restart()
  post.hasCrashed = true
  const uptimeMs = workingMs === undefined ? 0 : nowMs - workingMs
  if (isKilledFromOutside(reason, uptimeMs, OUTSIDE_KILL_MIN_UPTIME_MS))
    return Math.max(0, post.spawnAfterMs - nowMs)
  const capMs = nowMs < post.trialUntilMs ? OBSERVED_BACKOFF_CAP_MS : Infinity
  const delayMs = Math.min(post.budget.crash(nowMs), capMs)
  prolongTrial(fleet, post)
  post.lastCrashMs = nowMs
  post.spawnAfterMs = Math.max(post.spawnAfterMs, nowMs + delayMs)
  return post.spawnAfterMs - nowMs
}

/** The code on its way is refused for it, and so is a restart that it was started for. */
function onLost(fleet: Fleet, post: BackgroundPost, process: BackgroundProcess, failure: Failure): void {
  const { generation } = process
  const { rollout, serving } = fleet
  if (serving?.generation === generation) {
    if (isSuccessor(post, process)) refuseRestart(fleet, failure)
    return
  }
  // Once the switch is ordered the loss is made good as in any code that serves.
  if (rollout?.group?.generation === generation && !isCutting(fleet)) refuse(fleet, 'boot-failed', failure)
}

/** Its first process failed as it began, or it fails again and again while it is on trial. */
function isUnfit(
  { nowMs }: Fleet,
  post: BackgroundPost,
  { hasBegun }: BackgroundProcess,
  { byChance }: Failure,
): boolean {
  if (post.isUnfrozen) return false
  if (post.budget.spent && nowMs < post.trialUntilMs) return true
  return hasBegun && !post.hasWorked && byChance !== true
}

/** It was to take the place of another one. */
function isSuccessor({ processes }: BackgroundPost, { hasBegun }: BackgroundProcess): boolean {
  return !hasBegun && [...processes].some(({ outdated }) => outdated !== undefined)
}

function failureIn({ name, budget }: BackgroundPost, reason: ExitReason): Failure {
  const subject = `the background process ${name}`
  const failure = failureOf(reason, subject)
  if (reason.kind !== 'crashed') return failure
  const how = reason.signal === null ? `with code ${reason.code}` : `by ${reason.signal}`
  return { ...failure, message: `${subject} ${budget.spent ? 'keeps ending, last' : 'ended'} ${how}` }
}
