import { messageOf } from './rollout.ts'
import type { Group, Pool } from './state.ts'
import { isSomebodyLeaving, surgeOf, tellLimited } from './surge.ts'
import { emptySlots, isStaff, launch, occupant, readyWorkers, withdraw } from './worker.ts'

/** Keeps every slot of the serving generation filled, and no other. */
export function staff(pool: Pool): void {
  const { serving } = pool
  if (serving === null || pool.phase !== 'running') return
  dismissSurplus(pool, serving)
  recover(pool, serving)
  if (pool.restoring !== null || pool.nowMs < serving.spawnAfterMs) return
  if (serving.budget.spent) return tryOne(pool, serving)
  for (const slot of affordableSlots(pool, serving)) if (!start(pool, serving, slot)) return
}

/** A ready worker beyond the wanted ones stays for as long as it stands in for one that is not ready. */
function dismissSurplus(pool: Pool, group: Group): void {
  let spare = readyWorkers(group).length - pool.wanted
  for (const worker of group.workers) {
    if (worker.slot <= pool.wanted || !isStaff(worker)) continue
    if (worker.stage === 'ready' && spare <= 0) continue
    if (worker.stage === 'ready') spare -= 1
    withdraw(pool, worker, { kind: 'drained' })
  }
}

/** Workers of the generation before that are still leaving may hold the memory that those missing need. */
function affordableSlots(pool: Pool, group: Group): readonly number[] {
  const missing = emptySlots(pool, group)
  group.growing &&= readyWorkers(group).length < pool.wanted
  if (!group.growing || missing.length === 0 || !isSomebodyLeaving(pool)) return missing
  const { starts } = surgeOf(pool, group, missing.length)
  if (starts < missing.length) tellLimited(pool, group)
  return missing.slice(0, starts)
}

/** While the budget is spent one worker is tried; the others follow when it has proved stable. */
function tryOne(pool: Pool, group: Group): void {
  if (group.probe !== null && isStaff(group.probe)) return
  const [slot] = emptySlots(pool, group)
  if (slot === undefined || !start(pool, group, slot)) return
  group.probe = occupant(group, slot) ?? null
}

function start(pool: Pool, group: Group, slot: number): boolean {
  try {
    launch(pool, group, slot)
    return true
  } catch (error) {
    const { backoffBaseMs } = pool.config.crash
    group.lastCrashMs = pool.nowMs
    group.spawnAfterMs = pool.nowMs + Math.max(backoffBaseMs, group.budget.crash(pool.nowMs))
    pool.effects.emit({ type: 'warning', message: messageOf(error) })
    return false
  }
}

function recover(pool: Pool, group: Group): void {
  if (!group.budget.spent) return
  const { stableMs } = pool.config.crash
  const { probe } = group
  const probeIsStable = probe?.readyMs != null && isStaff(probe) && pool.nowMs - probe.readyMs >= stableMs
  const allAreReady = readyWorkers(group).length >= pool.wanted
  if (probeIsStable || (allAreReady && pool.nowMs - group.lastCrashMs >= stableMs)) group.budget.recover()
}
