import { STUCK_SIGNAL } from '@rip/worker/protocol'
import { SUSPEND_GAP_MS } from '../contract/defaults.ts'
import { onCandidateLost } from './rollout.ts'
import type { Pool, Worker } from './state.ts'
import { kill, terminate } from './worker.ts'

/** Ends what has lasted too long. */
export function timeOut(pool: Pool): void {
  for (const worker of pool.workers.values()) {
    if (pool.nowMs >= worker.deadlineMs) onDeadline(pool, worker)
    else if (isStuck(pool, worker)) onStuck(pool, worker)
  }
}

function onDeadline(pool: Pool, worker: Worker): void {
  if (worker.stage === 'starting') return onBootTimeout(pool, worker)
  if (worker.stage === 'terminating') return kill(pool, worker)
  if (worker.ending !== null) terminate(pool, worker, worker.ending)
}

function onBootTimeout(pool: Pool, worker: Worker): void {
  const afterMs = pool.config.bootTimeoutMs
  const stderr = pool.effects.stderrTail(worker.pid)
  terminate(pool, worker, { kind: 'boot-timeout', afterMs })
  onCandidateLost(pool, worker, 'boot-timeout', {
    message: `worker ${worker.slot} was not ready within ${afterMs} ms`,
    ...(stderr === '' ? {} : { stderr }),
  })
}

/** The beacon proves that the event loop turns; how long a request takes is nobody's business. */
function isStuck({ config, nowMs }: Pool, worker: Worker): boolean {
  if (!config.speaksProtocol || (worker.stage !== 'ready' && worker.stage !== 'withdrawn')) return false
  return nowMs - worker.heardMs >= config.stuckAfterMs
}

function onStuck(pool: Pool, worker: Worker): void {
  const silentMs = pool.nowMs - worker.heardMs
  pool.effects.signal(worker.pid, STUCK_SIGNAL)
  terminate(pool, worker, { kind: 'stuck-loop', silentMs })
  onCandidateLost(pool, worker, 'boot-failed', {
    message: `the event loop of worker ${worker.slot} stood still for ${silentMs} ms`,
  })
}

/**
 * When our own clock jumps we did not run, and neither may the workers have: nobody is judged by that time.
 */
export function forgiveGap(pool: Pool, nowMs: number): void {
  const gapMs = nowMs - pool.nowMs
  if (gapMs < SUSPEND_GAP_MS) return
  pool.stopByMs += gapMs
  for (const group of pool.groups) group.drawnUntilMs += gapMs
  for (const worker of pool.workers.values()) {
    worker.deadlineMs += gapMs
    worker.settledMs += gapMs
    worker.drainByMs += gapMs
    worker.standbyByMs += gapMs
    worker.heardMs = nowMs
  }
}
