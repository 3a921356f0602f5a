import { HARDLY_GROWN_MS, MEMORY_BUDGET_GROWTH, RECYCLE_RETRY_MS } from '../contract/defaults.ts'
import type { RecycleReason } from '../contract/exit-reason.ts'
import type { GenerationId } from '../contract/router.ts'
import { isBackgroundMarked } from './background-post.ts'
import { lacksDescriptors } from './descriptors.ts'
import type { Failure } from './failure.ts'
import { finishRestart, refuseHopelessRestart, refuseRestart } from './restart.ts'
import type { Fleet, Group, Worker } from './state.ts'
import { launch, markForReplacement, readyWorkers } from './worker.ts'
import { messageOf } from '../contract/message-of.ts'

/** Replaces one worker that has served enough, its successor first. */
export function recycle(fleet: Fleet): void {
  const { serving } = fleet
  // What was told to stop is not renewed.
  if (serving === undefined || fleet.state !== 'running' || fleet.stop.isAsked) return
  for (const worker of readyWorkers(serving)) consider(fleet, worker)
  refuseHopelessRestart(fleet, serving)
  if (fleet.rollout !== undefined || fleet.restoring !== undefined || fleet.nowMs < fleet.recycleAfterMs)
    return
  if (isRecycling(serving) || readyWorkers(serving).length < fleet.wanted) return
  const worker = nextInTurn(serving)
  if (worker === undefined) return isBackgroundMarked(fleet, 'restart') ? undefined : finishRestart(fleet)
  startSuccessor(fleet, serving, worker)
}

function consider(fleet: Fleet, worker: Worker): void {
  const reason = worker.recycle ?? reasonToRecycle(fleet, worker)
  if (reason !== undefined) markForReplacement(worker, reason)
}

function reasonToRecycle(fleet: Fleet, worker: Worker): RecycleReason | undefined {
  const { config, nowMs } = fleet
  if (worker.vitals.requests >= worker.recycleAfterRequests) return 'requests'
  if (worker.samplesOverMemory >= config.recycle.memorySamples && helpsToReplace(fleet, worker))
    return 'memory'
  if (lacksDescriptors(fleet, worker)) return 'descriptors'
  if (nowMs - (worker.readyMs ?? nowMs) >= worker.recycleAfterMs) return 'lifetime'
  return undefined
}

/**
 * Whether a fresh process would take less. One that has hardly grown would only be replaced by its like, for ever:
 * it stays if the limit is below what a worker begins with, and gets some time if it is just above.
 */
function helpsToReplace(fleet: Fleet, { vitals, freshBytes, readyMs, group }: Worker): boolean {
  const { memoryBytes } = fleet.config.recycle
  if (freshBytes > 0 && vitals.rssBytes >= freshBytes * (1 + MEMORY_BUDGET_GROWTH)) return true
  if (freshBytes <= memoryBytes && fleet.nowMs - (readyMs ?? fleet.nowMs) < HARDLY_GROWN_MS) return false
  warnOfLimit(fleet, group.generation.id, freshBytes)
  return freshBytes <= memoryBytes
}

function warnOfLimit(fleet: Fleet, generation: GenerationId, freshBytes: number): void {
  if (fleet.memoryLimitToldFor === generation) return
  fleet.memoryLimitToldFor = generation
  const [limit, fresh] = [fleet.config.recycle.memoryBytes, freshBytes].map(
    (bytes) => `${Math.round(bytes / 2 ** 20)} MiB`,
  )
  const share = `${MEMORY_BUDGET_GROWTH * 100} %`
  const message =
    freshBytes > fleet.config.recycle.memoryBytes
      ? `the memory limit of ${limit} is below the ${fresh} a worker takes when it has just started: a worker is replaced only when it has grown by ${share}`
      : `the memory limit of ${limit} is hardly above the ${fresh} a worker takes when it has just started: workers are replaced again and again`
  fleet.effects.emit({ type: 'warning', message })
}

/** The token: one successor in preparation, or one recycled worker that has not left yet. */
function isRecycling(group: Group): boolean {
  for (const { replaces, ending } of group.workers) {
    if (replaces !== undefined) return true
    if (ending?.kind === 'recycled' && ending.reason !== 'restart') return true
  }
  return false
}

/** A restart by the operator first; then the worker that has waited longest. */
function nextInTurn(group: Group): Worker | undefined {
  const waiting = readyWorkers(group).filter(({ recycle: reason }) => reason !== undefined)
  return waiting.find(({ recycle: reason }) => reason === 'restart') ?? waiting[0]
}

function startSuccessor(fleet: Fleet, group: Group, worker: Worker): void {
  try {
    launch(fleet, group, worker.slot, worker)
  } catch (error) {
    onSuccessorLost(fleet, worker, { message: messageOf(error) })
  }
}

/** The worker that was to be replaced stays. */
export function onSuccessorLost(fleet: Fleet, worker: Worker, failure: Failure): void {
  pauseRecycling(fleet)
  if (worker.recycle !== 'restart') {
    const message = `worker ${worker.slot} cannot be replaced yet: ${failure.message}`
    return fleet.effects.emit({ type: 'warning', message })
  }
  refuseRestart(fleet, failure)
}

/** Replacements may begin again at once, as an operator asks for one. */
export function recycleFromNowOn(fleet: Fleet): void {
  fleet.recycleAfterMs = 0
}

/** A replacement has failed: none is tried for a while. */
export function pauseRecycling(fleet: Fleet): void {
  fleet.recycleAfterMs = fleet.nowMs + RECYCLE_RETRY_MS
}

/** Another limit holds, which may be too low as well. */
export function forgetMemoryLimit(fleet: Fleet): void {
  fleet.memoryLimitToldFor = undefined
}
