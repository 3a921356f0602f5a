import { HARDLY_GROWN_MS, MEMORY_BUDGET_GROWTH, RECYCLE_RETRY_MS } from '../contract/defaults.ts'
import type { ExitReason } from '../contract/exit-reason.ts'
import type { GenerationId } from '../contract/router.ts'
import { isOutsideSignal } from './exit-reason.ts'
import { refusalOf } from './refusal.ts'
import { fromBootFailure, messageOf, settleAll } from './rollout.ts'
import type { Failure, Group, Pool, RecycleCause, Worker } from './state.ts'
import { launch, readyWorkers } from './worker.ts'

/** Replaces one worker that has served enough, its successor first. */
export function recycle(pool: Pool): void {
  const { serving } = pool
  // What was told to stop is not renewed.
  if (serving === null || pool.phase !== 'running' || pool.stopDueMs < Infinity) return
  for (const worker of readyWorkers(serving)) worker.recycle ??= causeToRecycle(pool, worker)
  if (pool.restart !== null && serving.budget.spent) refuseRestart(pool, crashLooping(pool, serving))
  if (pool.rollout !== null || pool.restoring !== null || pool.nowMs < pool.recycleAfterMs) return
  if (isRecycling(serving) || readyWorkers(serving).length < pool.wanted) return
  const worker = nextInTurn(serving)
  if (worker === undefined) return finishRestart(pool)
  startSuccessor(pool, serving, worker)
}

function causeToRecycle(pool: Pool, worker: Worker): RecycleCause | null {
  const { config, nowMs } = pool
  if (worker.vitals.requests >= worker.recycleAfterRequests) return 'requests'
  if (worker.samplesOverMemory >= config.recycle.memorySamples && helpsToReplace(pool, worker))
    return 'memory'
  if (nowMs - (worker.readyMs ?? nowMs) >= worker.recycleAfterMs) return 'lifetime'
  return null
}

/**
 * Whether a fresh process would take less. One that has hardly grown would only be replaced by its like, for ever:
 * it stays if the limit is below what a worker begins with, and gets some time if it is just above.
 */
function helpsToReplace(pool: Pool, { vitals, freshBytes, readyMs, group }: Worker): boolean {
  const { memoryBytes } = pool.config.recycle
  if (freshBytes > 0 && vitals.rssBytes >= freshBytes * (1 + MEMORY_BUDGET_GROWTH)) return true
  if (freshBytes <= memoryBytes && pool.nowMs - (readyMs ?? pool.nowMs) < HARDLY_GROWN_MS) return false
  warnOfLimit(pool, group.generation.id, freshBytes)
  return freshBytes <= memoryBytes
}

function warnOfLimit(pool: Pool, generation: GenerationId, freshBytes: number): void {
  if (pool.memoryLimitToldFor === generation) return
  pool.memoryLimitToldFor = generation
  const [limit, fresh] = [pool.config.recycle.memoryBytes, freshBytes].map(
    (bytes) => `${Math.round(bytes / 2 ** 20)} MiB`,
  )
  const share = `${MEMORY_BUDGET_GROWTH * 100} %`
  const message =
    freshBytes > pool.config.recycle.memoryBytes
      ? `the memory limit of ${limit} is below the ${fresh} a worker takes when it has just started: a worker is replaced only when it has grown by ${share}`
      : `the memory limit of ${limit} is hardly above the ${fresh} a worker takes when it has just started: workers are replaced again and again`
  pool.effects.emit({ type: 'warning', message })
}

/** In a crash loop every process is a fresh one, and one after the other would never come to an end. */
function crashLooping({ wanted }: Pool, serving: Group): Failure {
  const { length } = readyWorkers(serving)
  return {
    message: `workers keep dying, ${length} of ${wanted} are ready: reload code that works, or roll back`,
  }
}

/** The token: one successor in preparation, or one recycled worker that has not left yet. */
function isRecycling(group: Group): boolean {
  for (const { replaces, ending } of group.workers) {
    if (replaces !== null) return true
    if (ending?.kind === 'recycled' && ending.reason !== 'restart') return true
  }
  return false
}

/** A restart by the operator first; then whoever has waited longest. */
function nextInTurn(group: Group): Worker | undefined {
  const waiting = readyWorkers(group).filter(({ recycle: cause }) => cause !== null)
  return waiting.find(({ recycle: cause }) => cause === 'restart') ?? waiting[0]
}

function startSuccessor(pool: Pool, group: Group, worker: Worker): void {
  try {
    launch(pool, group, worker.slot, worker)
  } catch (error) {
    onSuccessorLost(pool, worker, { message: messageOf(error) })
  }
}

/** The worker that was to be replaced stays. */
export function onSuccessorLost(pool: Pool, worker: Worker, failure: Failure): void {
  pool.recycleAfterMs = pool.nowMs + RECYCLE_RETRY_MS
  if (worker.recycle !== 'restart') {
    const message = `worker ${worker.slot} cannot be replaced yet: ${failure.message}`
    return pool.effects.emit({ type: 'warning', message })
  }
  refuseRestart(pool, failure)
}

/** The shell's convention for a program that SIGTERM has interrupted: 128 + 15. */
const TERM_EXIT_CODE = 143

/** Why a worker that was to serve did not, in a sentence about `who`. */
export function failureOf(reason: ExitReason, who: string = 'it'): Failure {
  if (reason.kind === 'boot-failed') return fromBootFailure(reason.failure)
  if (reason.kind === 'boot-timeout') return { message: `${who} was not ready within ${reason.afterMs} ms` }
  if (reason.kind === 'oom') return { message: `the system killed ${who} for want of memory`, byChance: true }
  if (reason.kind !== 'crashed') return { message: `${who} ended early (${reason.kind})`, byChance: true }
  const how = reason.signal === null ? `with code ${reason.code}` : `by ${reason.signal}`
  const stderr = reason.stderr === '' ? {} : { stderr: reason.stderr }
  return {
    message: `${who} ended ${how} before it served`,
    byChance: isOutsideSignal(reason.signal) || reason.code === TERM_EXIT_CODE,
    ...stderr,
  }
}

/** Marks every worker for replacement by a fresh process of the same generation. */
export function beginRestart(pool: Pool, command: number): void {
  const { serving, nowMs: sinceMs } = pool
  if (serving === null) return
  const { generation } = serving
  const surroundingsBefore = generation.surroundings
  try {
    generation.surroundings = pool.effects.readSurroundings()
  } catch (error) {
    const message = `cannot read the environment: ${messageOf(error)}`
    const refusal = refusalOf(pool, 'boot-failed', generation.id, { message })
    return settleAll(pool, [command], { ok: false, refusal })
  }
  if (pool.restart === null) pool.restart = { commands: [command], sinceMs, surroundingsBefore }
  else pool.restart.commands.push(command)
  for (const worker of serving.workers) worker.recycle = 'restart'
  pool.recycleAfterMs = 0
}

/** Called when no marked worker is left, or another generation serves. */
export function finishRestart(pool: Pool): void {
  const { restart, serving } = pool
  if (restart === null || serving === null) return
  pool.restart = null
  settleAll(pool, restart.commands, {
    ok: true,
    generation: serving.generation.id,
    previous: pool.previous?.id ?? null,
    tookMs: pool.nowMs - restart.sinceMs,
    unchanged: false,
  })
}

function refuseRestart(pool: Pool, failure: Failure): void {
  const { restart, serving } = pool
  if (restart === null || serving === null) return
  pool.restart = null
  serving.generation.surroundings = restart.surroundingsBefore
  for (const worker of serving.workers) if (worker.recycle === 'restart') worker.recycle = null
  const refusal = refusalOf(pool, 'boot-failed', serving.generation.id, failure)
  pool.lastRefusal = refusal
  pool.effects.emit({ type: 'generation-refused', refusal })
  settleAll(pool, restart.commands, { ok: false, refusal })
}
