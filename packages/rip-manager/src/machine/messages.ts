import type { BootFailure, WorkerMessage, WorkerVitals } from '@rip/worker/protocol'
import { onStandsBy } from './activity.ts'
import { fromBootFailure, onCandidateLost, onCandidateReady } from './rollout.ts'
import { isCutting } from './routing.ts'
import type { Group, Pool, Worker } from './state.ts'
import { chargeBudget, enter, terminate, withdraw } from './worker.ts'

/** A worker spoke, or its control connection ended (`null`). */
export function onMessage(pool: Pool, pid: number, message: WorkerMessage | null): void {
  const worker = pool.workers.get(pid)
  if (worker === undefined || message === null) return
  worker.heardMs = pool.nowMs
  switch (message.type) {
    case 'hello':
      return onHello(pool, worker)
    case 'ready':
      return onReady(pool, worker)
    case 'failed':
      return onFailed(pool, worker, message.failure)
    case 'beacon':
      return onBeacon(pool, worker, message)
    case 'leaving':
      return onLeaving(pool, worker, message.reason)
    case 'stands-by':
      return onStandsBy(worker, message.order)
    case 'drained':
      worker.aborted = message.aborted
      return
    case 'listening':
      return
  }
}

/** Whoever has been told to end meanwhile, by an order and a signal that came too early for it, is told again. */
function onHello(pool: Pool, { pid, stage, deadlineMs }: Worker): void {
  pool.effects.send(pid, { type: 'welcome', version: 1, beaconMs: pool.config.beaconMs, standby: true })
  if (stage === 'terminating')
    pool.effects.send(pid, { type: 'drain', deadlineMs: Math.max(0, deadlineMs - pool.nowMs) })
}

/** It serves: by its own word, or because its socket accepts connections. */
export function onReady(pool: Pool, worker: Worker): void {
  if (worker.stage !== 'starting') return
  enter(pool, worker, 'ready')
  worker.readyMs = pool.nowMs
  worker.bootMs = pool.nowMs - worker.startedMs
  const { slot, pid, bootMs, replaces } = worker
  pool.effects.emit({ type: 'worker-ready', slot, pid, bootMs })
  worker.replaces = null
  if (replaces?.stage === 'ready') {
    withdraw(pool, replaces, { kind: 'recycled', reason: replaces.recycle ?? 'restart' })
  }
  onCandidateReady(pool, worker)
}

function onFailed(pool: Pool, worker: Worker, failure: BootFailure): void {
  if (worker.stage !== 'starting') return
  const stderr = pool.effects.stderrTail(worker.pid)
  terminate(pool, worker, { kind: 'boot-failed', failure })
  onCandidateLost(pool, worker, 'boot-failed', fromBootFailure(failure, stderr))
}

function onBeacon(pool: Pool, worker: Worker, vitals: WorkerVitals): void {
  const { inFlight, webSockets, eventStreams, requests, rssBytes, loopLagMs } = vitals
  worker.vitals = { inFlight, webSockets, eventStreams, requests, rssBytes, loopLagMs }
  if (worker.freshBytes === 0 && worker.stage === 'ready') worker.freshBytes = rssBytes
  const { memoryBytes } = pool.config.recycle
  worker.samplesOverMemory = memoryBytes > 0 && rssBytes > memoryBytes ? worker.samplesOverMemory + 1 : 0
}

/**
 * It wants to go. One that somebody sent TERM serves until its successor does: when the same signal is about to reach us
 * as well, as it does when it was sent to every process, nobody has left too early.
 */
function onLeaving(pool: Pool, worker: Worker, reason: string): void {
  if (worker.stage !== 'ready' && worker.stage !== 'starting') return
  if (reason === 'signal') return void (worker.recycle ??= 'signal')
  if (worker.group.role === 'candidate' && !isCutting(pool)) {
    return onCandidateLost(pool, worker, 'boot-failed', {
      message: `worker ${worker.slot} left early (${reason})`,
      byChance: true,
    })
  }
  if (reason !== 'unhealthy') return withdraw(pool, worker, { kind: 'drained' })
  if (worker.group.role === 'serving') onUnhealthy(pool, worker.group)
  withdraw(pool, worker, { kind: 'recycled', reason: 'unhealthy' })
}

/** Nobody caught an exception: a crash in all but name, only that what runs is finished. */
function onUnhealthy(pool: Pool, group: Group): void {
  pool.restarts += 1
  group.complete = true
  chargeBudget(pool, group)
}
