import { STANDBY_TIMEOUT_MS } from '../contract/defaults.ts'
import type { Fleet, Worker } from './state.ts'

/** Ends the time in which no worker may be active. */
export function activate(fleet: Fleet): void {
  fleet.activates = true
}

/**
 * Keeps the serving workers active, and no others. What an application runs once per worker number must not run
 * twice: a worker becomes active when every other with its number has gone, or has said that it stands by.
 */
export function assignActivity(fleet: Fleet): void {
  if (!fleet.config.speaksProtocol) return
  for (const worker of fleet.workers.values()) {
    if (worker.activity === 'active' && !isToBeActive(fleet, worker)) tellToStandBy(fleet, worker)
    if (worker.activity === 'ending' && fleet.nowMs >= worker.standbyByMs) giveUp(fleet, worker)
  }
  for (const worker of fleet.workers.values()) if (mayResume(fleet, worker)) resume(fleet, worker)
}

/** The worker serves requests and has not been told to leave. */
export function isToBeActive({ serving, activates }: Fleet, { state, group }: Worker): boolean {
  return activates && state === 'ready' && group === serving && group.state === 'serving'
}

/** Every other worker with its number has gone or stands by. */
export function isFree({ workers }: Fleet, worker: Worker): boolean {
  for (const other of workers.values()) {
    if (other !== worker && other.slot === worker.slot && other.activity !== 'standby') return false
  }
  return true
}

function mayResume(fleet: Fleet, worker: Worker): boolean {
  return worker.activity === 'standby' && isToBeActive(fleet, worker) && isFree(fleet, worker)
}

function resume(fleet: Fleet, worker: Worker): void {
  worker.activity = 'active'
  fleet.effects.send(worker.pid, { type: 'resume' })
}

function tellToStandBy(fleet: Fleet, worker: Worker): void {
  worker.activity = 'ending'
  worker.standbyOrder += 1
  worker.standbyByMs = fleet.nowMs + STANDBY_TIMEOUT_MS
  fleet.effects.send(worker.pid, { type: 'standby', order: worker.standbyOrder })
}

/** The worker stands by, unless its answer is to an order before the last. */
export function onStandsBy(worker: Worker, order: number): void {
  if (worker.activity === 'ending' && worker.standbyOrder === order) noteStandby(worker)
}

/** The worker is not waited for any longer. What it runs once may then run twice. */
function giveUp(fleet: Fleet, worker: Worker): void {
  noteStandby(worker)
  const message = `worker ${worker.slot} (${worker.pid}) did not stand by within ${STANDBY_TIMEOUT_MS / 1_000} s: what it runs once may run twice`
  fleet.effects.emit({ type: 'warning', message })
}

function noteStandby(worker: Worker): void {
  worker.activity = 'standby'
  worker.standbyByMs = Infinity
}
