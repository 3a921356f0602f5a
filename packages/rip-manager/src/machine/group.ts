import type { Snapshot } from '../contract/ports.ts'
import { CrashBudget } from './crash-budget.ts'
import type { Generation, Group, Pool } from './state.ts'
import { drainDeadline, hurry, terminate, withdraw } from './worker.ts'

export function createGroup(pool: Pool, generation: Generation): Group {
  const group: Group = {
    generation,
    role: 'candidate',
    workers: new Set(),
    budget: new CrashBudget(pool.config.crash, pool.random),
    spawnAfterMs: 0,
    lastCrashMs: -Infinity,
    probe: null,
    routerDone: false,
    drawnUntilMs: 0,
    abandoned: { byRouter: 0, byWorkers: 0 },
    complete: false,
    served: false,
    growing: false,
    limited: false,
  }
  pool.groups.add(group)
  return group
}

/** Lets a group that gets no new requests leave: the router first finishes what it has under way. */
export function retire(pool: Pool, group: Group): void {
  if (group.role === 'retiring') return
  group.role = 'retiring'
  for (const worker of group.workers) withdraw(pool, worker, worker.ending ?? { kind: 'drained' })
  if (!group.served) group.routerDone = true
  else pool.effects.drain(group.generation.id, Math.max(0, drainDeadline(pool) - pool.nowMs))
  forgetIfEmpty(pool, group)
  boundRetiring(pool)
}

/** Somebody who saves again and again, with streams open that never end, does not fill the machine with old workers. */
function boundRetiring(pool: Pool): void {
  if (pool.phase !== 'running') return
  const retiring = [...pool.groups].filter(({ role, served }) => role === 'retiring' && served)
  for (const group of retiring.slice(0, Math.max(0, retiring.length - pool.config.maxRetiring))) {
    for (const worker of group.workers) hurry(pool, worker)
  }
}

/** Ends a group that never served. */
export function dismiss(pool: Pool, group: Group): void {
  group.role = 'retiring'
  group.routerDone = true
  for (const worker of group.workers) {
    terminate(pool, worker, worker.ending ?? { kind: 'killed', reason: 'superseded' })
  }
  forgetIfEmpty(pool, group)
}

/** Called when a worker has gone, or the router has finished with the group. */
export function forgetIfEmpty(pool: Pool, group: Group): void {
  if (group.role !== 'retiring' || group.workers.size > 0) return
  if ((group.served && !group.routerDone) || !pool.groups.delete(group)) return
  if (group.served) {
    // Both count the same requests, as far as they know of them.
    const abandoned = Math.max(group.abandoned.byRouter, group.abandoned.byWorkers)
    pool.abandoned += abandoned
    pool.effects.emit({ type: 'generation-retired', generation: group.generation.id, abandoned })
  }
  discardUnused(pool, group.generation.snapshot)
}

/** The snapshot of a generation nobody can return to has no use. */
export function discardUnused(pool: Pool, snapshot: Snapshot): void {
  const { generation } = snapshot
  if (pool.previous?.id === generation) return
  for (const group of pool.groups) if (group.generation.id === generation) return
  pool.routing.published.delete(generation)
  pool.routing.uncertain.delete(generation)
  if (pool.rollout?.generationId === generation) return void (pool.rollout.leftover = snapshot)
  pool.effects.discard(snapshot)
}
