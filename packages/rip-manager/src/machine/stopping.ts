import { ManagerError } from '../contract/errors.ts'
import type { Refusal } from '../contract/refusal.ts'
import { LAST_COUNT_MS } from '../contract/defaults.ts'
import { forgetIfEmpty, retire } from './group.ts'
import type { CommandId } from './inputs.ts'
import { refusalOf } from './refusal.ts'
import { settleAll, supersede } from './rollout.ts'
import { isCutting } from './routing.ts'
import type { Pool, Worker } from './state.ts'
import { enter, kill } from './worker.ts'

/** It was told to stop, and may be serving on for a while. */
export function isStopping({ phase, stopDueMs }: Pool): boolean {
  return phase === 'stopping' || phase === 'stopped' || stopDueMs < Infinity
}

/** Says that everything stops; until the delay is over it is served as before, for others to turn away first. */
export function askToStop(pool: Pool, { delay }: { readonly delay: boolean }): void {
  const delayMs = delay && pool.phase === 'running' ? pool.config.stopDelayMs : 0
  const wasAsked = isStopping(pool)
  pool.stopDueMs = Math.min(pool.stopDueMs, pool.nowMs + delayMs)
  if (wasAsked) return
  pool.effects.emit({ type: 'stopping', ...(delayMs > 0 && { delayMs }) })
  // A switch that has been ordered is awaited: the router may follow it any moment.
  if (isCutting(pool)) dropCommands(pool)
  else comeToRest(pool)
}

/** The router takes nothing new, requests under way are finished, then the workers go. */
export function stopWhenDue(pool: Pool): void {
  if (pool.phase === 'stopping' || pool.phase === 'stopped' || pool.nowMs < pool.stopDueMs) return
  pool.phase = 'stopping'
  pool.abandonedBefore = pool.abandoned
  pool.stopByMs = pool.nowMs + pool.config.stopTimeoutMs
  comeToRest(pool)
  pool.effects.stopAccepting()
}

/** Nothing new is begun, and nobody stands by. */
function comeToRest(pool: Pool): void {
  supersede(pool, 'stopping', 'the manager is stopping')
  dropCommands(pool)
  for (const group of pool.groups) if (group.role === 'warm') retire(pool, group)
}

function dropCommands(pool: Pool): void {
  const wishes = [pool.reading?.wish, pool.waiting, pool.settling?.wish, pool.rollbackAfterCut]
  const commands = [...wishes.flatMap((wish) => wish?.commands ?? []), ...(pool.restart?.commands ?? [])]
  settleAll(pool, commands, { ok: false, refusal: stoppingRefusal(pool) })
  failScaling(pool, new ManagerError('STOPPING', { command: 'scale' }))
  pool.reading = null
  pool.waiting = null
  pool.settling = null
  pool.rollbackAfterCut = null
  pool.observation = null
  pool.restart = null
}

export function stoppingRefusal(pool: Pool): Refusal {
  const generation = pool.serving?.generation.id ?? 'unknown'
  return refusalOf(pool, 'stopping', generation, { message: 'the manager is stopping' })
}

export function failScaling(pool: Pool, error: ManagerError): void {
  const commands: readonly CommandId[] = pool.scaling
  pool.scaling = []
  for (const command of commands) pool.effects.settle(command, { error })
}

/** What would never end by itself, and would be begun anew while the router still took it, ends; requests go on. */
export function onDoorsClosed(pool: Pool): void {
  if (pool.phase !== 'stopping' || !pool.config.speaksProtocol) return
  for (const { stage, pid } of pool.workers.values()) {
    if (stage === 'ready' || stage === 'withdrawn' || stage === 'draining')
      pool.effects.send(pid, { type: 'end-streams' })
  }
}

/** The router takes no new connections: what it has is all there will be. */
export function onAcceptingStopped(pool: Pool): void {
  if (pool.phase !== 'stopping') return
  pool.acceptingStopped = true
  for (const group of pool.groups) retire(pool, group)
}

/** Responses that workers had finished long ago may still have been on their way to slow clients. */
export function onRouterLeft(pool: Pool, abandoned: number): void {
  pool.abandonedByRouter ??= abandoned
}

/** Without waiting for anything under way; but what is cut off is counted. */
export function stopNow(pool: Pool): void {
  pool.acceptingStopped = true
  pool.abandonedByRouter ??= 0
  for (const group of pool.groups) {
    group.role = 'retiring'
    group.routerDone = true
    for (const worker of group.workers) endNow(pool, worker)
    forgetIfEmpty(pool, group)
  }
}

/** A worker counts its requests once a second; it is asked once more, and killed whether it answers or not. */
function endNow(pool: Pool, worker: Worker): void {
  worker.ending ??= { kind: 'killed', reason: 'stop' }
  const counts = worker.stage === 'ready' || worker.stage === 'withdrawn' || worker.stage === 'draining'
  if (!pool.config.speaksProtocol || !counts) return kill(pool, worker)
  pool.effects.send(worker.pid, { type: 'ping' })
  enter(pool, worker, 'terminating', pool.nowMs + LAST_COUNT_MS)
}

export function finishStop(pool: Pool): void {
  if (pool.phase !== 'stopping') return
  if (pool.groups.size > 0 || !pool.acceptingStopped || pool.abandonedByRouter === null) return
  pool.phase = 'stopped'
  // A request that a worker cut off may be the same as one the router gave up on.
  pool.abandoned = Math.max(pool.abandoned, pool.abandonedBefore + pool.abandonedByRouter)
  pool.effects.emit({ type: 'stopped', abandoned: pool.abandoned })
  pool.effects.stopped(pool.abandoned)
}
