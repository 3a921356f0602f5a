import type { BootFailure, WorkerMessage, WorkerVitals } from '@rip/worker/protocol'
import { onStandsBy } from './activity.ts'
import { onBackgroundMessage } from './background.ts'
import { findBackground } from './background-post.ts'
import { onUnhealthy } from './crashes.ts'
import { fromBootFailure } from './failure.ts'
import { noteDescriptors } from './descriptors.ts'
import { isCutting, onCandidateLost } from './rollout-end.ts'
import { onCandidateReady } from './rollout.ts'
import type { Fleet, Worker } from './state.ts'
import { becomeReady, markForReplacement, terminate, withdraw } from './worker.ts'

/** A worker spoke, or its control connection ended (`null`). */
export function onMessage(fleet: Fleet, pid: number, message: WorkerMessage | null): void {
  const worker = fleet.workers.get(pid)
  const background = findBackground(fleet, pid)
  if (background !== undefined && message !== null) return onBackgroundMessage(fleet, background, message)
  if (worker === undefined || message === null) return
  worker.heardMs = fleet.nowMs
  switch (message.type) {
    case 'hello':
      return onHello(fleet, worker)
    case 'ready':
      return onReady(fleet, worker)
    case 'failed':
      return onFailed(fleet, worker, message.failure)
    case 'beacon':
      return onBeacon(fleet, worker, message)
    case 'leaving':
      return onLeaving(fleet, worker, message.reason)
    case 'stands-by':
      return onStandsBy(worker, message.order)
    case 'drained':
      worker.abandoned = message.abandoned
      return
    case 'listening':
      worker.http2 = message.http2 === true
      return
    case 'uncaught':
      return tellUncaught(fleet, worker, message)
    case 'begun':
    case 'inspected':
    case 'not-inspected':
    case 'part':
      return
  }
}

function tellUncaught(
  { effects }: Fleet,
  { slot, pid, group }: Worker,
  { origin, failure }: Extract<WorkerMessage, { type: 'uncaught' }>,
): void {
  effects.emit({ type: 'worker-uncaught', slot, pid, generation: group.generation.id, origin, failure })
}

/** A worker is about to do something that blocks its event loop. */
export function expectSilence({ workers, nowMs }: Fleet, pid: number, forMs: number): void {
  const worker = workers.get(pid)
  if (worker !== undefined) worker.heardMs = nowMs + forMs
}

/** A worker that has been told to end meanwhile, by an order and a signal that came too early for it, is told again. */
function onHello(fleet: Fleet, { pid, state, deadlineMs }: Worker): void {
  fleet.effects.send(pid, { type: 'welcome', version: 1, beaconMs: fleet.config.beaconMs, standby: true })
  if (state === 'terminating')
    fleet.effects.send(pid, { type: 'drain', deadlineMs: Math.max(0, deadlineMs - fleet.nowMs) })
}

/** It serves: by its own word, or because its socket accepts connections. */
export function onReady(fleet: Fleet, worker: Worker): void {
  if (worker.state !== 'starting') return
  const replaced = becomeReady(fleet, worker)
  const { slot, pid, bootMs } = worker
  fleet.effects.emit({ type: 'worker-ready', slot, pid, bootMs })
  if (replaced?.state === 'ready') {
    withdraw(fleet, replaced, { kind: 'recycled', reason: replaced.recycle ?? 'restart' })
  }
  onCandidateReady(fleet, worker)
}

function onFailed(fleet: Fleet, worker: Worker, failure: BootFailure): void {
  if (worker.state !== 'starting') return
  const stderr = fleet.effects.stderrTail(worker.pid)
  terminate(fleet, worker, { kind: 'boot-failed', failure })
  onCandidateLost(fleet, worker, 'boot-failed', fromBootFailure(failure, stderr))
}

function onBeacon(fleet: Fleet, worker: Worker, vitals: WorkerVitals): void {
  const { inFlight, webSockets, eventStreams, requests, rssBytes, loopLagMs, freeDescriptors } = vitals
  const { published, delivered, dropped } = vitals
  worker.vitals = {
    inFlight,
    webSockets,
    eventStreams,
    requests,
    rssBytes,
    ...(freeDescriptors !== undefined && { freeDescriptors }),
    loopLagMs,
    published,
    delivered,
    dropped,
  }
  if (worker.freshBytes === 0 && worker.state === 'ready') worker.freshBytes = rssBytes
  noteDescriptors(worker, freeDescriptors)
  const { memoryBytes } = fleet.config.recycle
  worker.samplesOverMemory = memoryBytes > 0 && rssBytes > memoryBytes ? worker.samplesOverMemory + 1 : 0
}

/**
 * The worker wants to leave. One that was sent TERM serves until its successor does: when the same signal is about to reach us
 * as well, as it does when it was sent to every process, no worker has left too early.
 */
function onLeaving(fleet: Fleet, worker: Worker, reason: string): void {
  if (worker.state !== 'ready' && worker.state !== 'starting') return
  if (reason === 'signal') return markForReplacement(worker, worker.recycle ?? 'signal')
  if (worker.group.state === 'candidate' && !isCutting(fleet)) {
    return onCandidateLost(fleet, worker, 'boot-failed', {
      message: `worker ${worker.slot} left early (${reason})`,
      byChance: true,
    })
  }
  if (reason !== 'unhealthy') return withdraw(fleet, worker, { kind: 'drained' })
  if (worker.group.state === 'serving') onUnhealthy(fleet, worker.group)
  withdraw(fleet, worker, { kind: 'recycled', reason: 'unhealthy' })
}
