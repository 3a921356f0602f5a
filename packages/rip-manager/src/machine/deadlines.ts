import { STUCK_SIGNAL } from '@rip/worker/protocol'
import { SUSPEND_GAP_MS } from '../contract/defaults.ts'
import { onCandidateLost } from './rollout-end.ts'
import type { Fleet, Worker } from './state.ts'
import { kill, terminate } from './worker.ts'

/** Ends what has lasted too long. */
export function timeOut(fleet: Fleet): void {
  for (const worker of fleet.workers.values()) {
    if (fleet.nowMs >= worker.deadlineMs) onDeadline(fleet, worker)
    else if (isStuck(fleet, worker)) onStuck(fleet, worker)
  }
}

function onDeadline(fleet: Fleet, worker: Worker): void {
  if (worker.state === 'starting') return onBootTimeout(fleet, worker)
  if (worker.state === 'terminating') return kill(fleet, worker)
  if (worker.ending !== undefined) terminate(fleet, worker, worker.ending)
}

function onBootTimeout(fleet: Fleet, worker: Worker): void {
  const afterMs = fleet.config.bootTimeoutMs
  const stderr = fleet.effects.stderrTail(worker.pid)
  terminate(fleet, worker, { kind: 'boot-timeout', afterMs })
  onCandidateLost(fleet, worker, 'boot-timeout', {
    message: `worker ${worker.slot} was not ready within ${afterMs} ms`,
    ...(stderr === '' ? {} : { stderr }),
  })
}

/** The beacon proves that the event loop turns. How long a request takes says nothing. */
function isStuck({ config, nowMs }: Fleet, worker: Worker): boolean {
  if (!config.speaksProtocol || (worker.state !== 'ready' && worker.state !== 'withdrawn')) return false
  return nowMs - worker.heardMs >= config.stuckAfterMs
}

function onStuck(fleet: Fleet, worker: Worker): void {
  const silentMs = fleet.nowMs - worker.heardMs
  fleet.effects.signal(worker.pid, STUCK_SIGNAL)
  terminate(fleet, worker, { kind: 'stuck-loop', silentMs })
  onCandidateLost(fleet, worker, 'boot-failed', {
    message: `worker ${worker.slot} blocked its event loop for ${silentMs} ms`,
  })
}

/**
 * When our own clock jumps this process did not run, and neither may the workers have: that time counts for no deadline.
 */
export function forgiveGap(fleet: Fleet, nowMs: number): void {
  const gapMs = nowMs - fleet.nowMs
  if (gapMs < SUSPEND_GAP_MS) return
  fleet.stop.postpone(gapMs)
  for (const group of fleet.groups) group.drawnUntilMs += gapMs
  for (const { processes } of fleet.background) for (const process of processes) process.deadlineMs += gapMs
  for (const worker of fleet.workers.values()) {
    worker.deadlineMs += gapMs
    worker.settledMs += gapMs
    worker.drainByMs += gapMs
    worker.standbyByMs += gapMs
    worker.heardMs = nowMs
  }
}
