import { isOutOfRotation } from './router-orders.ts'
import type { Fleet, Worker } from './state.ts'
import { orderDrain } from './worker.ts'

/** Tells withdrawn workers to drain, once the router has acknowledged and what it had written was read. */
export function leave(fleet: Fleet): void {
  for (const worker of fleet.workers.values()) {
    if (worker.state !== 'withdrawn') continue
    if (worker.settledMs === Infinity && isOutOfRotation(fleet, worker)) {
      worker.settledMs = fleet.nowMs + fleet.config.settleMs
    }
    if (mayDrain(fleet, worker)) orderDrain(fleet, worker)
  }
}

function mayDrain({ config, nowMs }: Fleet, { group, settledMs, drainByMs, activity }: Worker): boolean {
  // What it runs once goes on elsewhere before its application ends.
  if (activity !== 'standby' && nowMs < drainByMs - config.killGraceMs) return false
  if (group.state !== 'retiring') return nowMs >= settledMs
  // A router that does not answer cannot hold a generation back for ever.
  if (nowMs >= drainByMs) return true
  if (settledMs === Infinity) return false
  // A plain program forgets its requests when it is asked to leave, so the router has to finish first.
  return group.routerDone || (config.speaksProtocol && nowMs >= settledMs)
}
