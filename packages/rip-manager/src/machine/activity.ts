import { STANDBY_TIMEOUT_MS } from '../contract/defaults.ts'
import type { Pool, Worker } from './state.ts'

/**
 * Keeps the serving workers active, and no others. What an application runs once per worker number must not run
 * twice: a worker becomes active when every other with its number has gone, or has said that it stands by.
 */
export function assignActivity(pool: Pool): void {
  if (!pool.config.speaksProtocol) return
  for (const worker of pool.workers.values()) {
    if (worker.activity === 'active' && !isToBeActive(pool, worker)) tellToStandBy(pool, worker)
    if (worker.activity === 'ending' && pool.nowMs >= worker.standbyByMs) giveUp(pool, worker)
  }
  for (const worker of pool.workers.values()) if (mayResume(pool, worker)) resume(pool, worker)
}

/** It serves requests, for as long as nobody has told it to leave. */
export function isToBeActive({ serving, activates }: Pool, { stage, group }: Worker): boolean {
  return activates && stage === 'ready' && group === serving && group.role === 'serving'
}

/** The others with its number have gone or stand by. */
export function isFree({ workers }: Pool, worker: Worker): boolean {
  for (const other of workers.values()) {
    if (other !== worker && other.slot === worker.slot && other.activity !== 'standby') return false
  }
  return true
}

function mayResume(pool: Pool, worker: Worker): boolean {
  return worker.activity === 'standby' && isToBeActive(pool, worker) && isFree(pool, worker)
}

function resume(pool: Pool, worker: Worker): void {
  worker.activity = 'active'
  pool.effects.send(worker.pid, { type: 'resume' })
}

function tellToStandBy(pool: Pool, worker: Worker): void {
  worker.activity = 'ending'
  worker.standbyOrder += 1
  worker.standbyByMs = pool.nowMs + STANDBY_TIMEOUT_MS
  pool.effects.send(worker.pid, { type: 'standby', order: worker.standbyOrder })
}

/** The word may be about an order before the last. */
export function onStandsBy(worker: Worker, order: number): void {
  if (worker.activity === 'ending' && worker.standbyOrder === order) rest(worker)
}

/** What it runs may go on beside the same of the worker that takes its place. */
function giveUp(pool: Pool, worker: Worker): void {
  rest(worker)
  const message = `worker ${worker.slot} (${worker.pid}) did not stand by within ${STANDBY_TIMEOUT_MS / 1_000} s: what it runs once may run twice`
  pool.effects.emit({ type: 'warning', message })
}

function rest(worker: Worker): void {
  worker.activity = 'standby'
  worker.standbyByMs = Infinity
}
