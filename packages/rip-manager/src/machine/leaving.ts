import { isOutOfRotation } from './routing.ts'
import type { Pool, Worker } from './state.ts'
import { orderDrain } from './worker.ts'

/** Tells withdrawn workers to drain, once the router has acknowledged and what it had written was read. */
export function leave(pool: Pool): void {
  for (const worker of pool.workers.values()) {
    if (worker.stage !== 'withdrawn') continue
    if (worker.settledMs === Infinity && isOutOfRotation(pool, worker)) {
      worker.settledMs = pool.nowMs + pool.config.settleMs
    }
    if (mayDrain(pool, worker)) orderDrain(pool, worker)
  }
}

function mayDrain({ config, nowMs }: Pool, { group, settledMs, drainByMs, activity }: Worker): boolean {
  // What it runs once goes on elsewhere before its application ends.
  if (activity !== 'standby' && nowMs < drainByMs - config.killGraceMs) return false
  if (group.role !== 'retiring') return nowMs >= settledMs
  // A router that does not answer cannot hold a generation back for ever.
  if (nowMs >= drainByMs) return true
  if (settledMs === Infinity) return false
  // A plain program forgets its requests when it is asked to leave, so the router has to finish first.
  return group.routerDone || (config.speaksProtocol && nowMs >= settledMs)
}
