import { onStartRefused } from './crashes.ts'
import type { Group, Fleet } from './state.ts'
import { isAnyLeaving, surgeOf, tellLimited } from './surge.ts'
import { emptySlots, isStaff, launch, occupant, readyWorkers, withdraw } from './worker.ts'
import { messageOf } from '../contract/message-of.ts'

/** Keeps every slot of the serving generation filled, and no other. */
export function staff(fleet: Fleet): void {
  const { serving } = fleet
  if (serving === undefined || fleet.state !== 'running') return
  dismissSurplus(fleet, serving)
  recover(fleet, serving)
  if (fleet.restoring !== undefined || fleet.nowMs < serving.spawnAfterMs) return
  if (serving.budget.spent) return tryOne(fleet, serving)
  for (const slot of affordableSlots(fleet, serving)) if (!start(fleet, serving, slot)) return
}

/** A ready worker beyond the wanted ones stays for as long as it stands in for one that is not ready. */
function dismissSurplus(fleet: Fleet, group: Group): void {
  let spare = readyWorkers(group).length - fleet.wanted
  for (const worker of group.workers) {
    if (worker.slot <= fleet.wanted || !isStaff(worker)) continue
    if (worker.state === 'ready' && spare <= 0) continue
    if (worker.state === 'ready') spare -= 1
    withdraw(fleet, worker, { kind: 'drained' })
  }
}

/**
 * The rest of the workers waits for a moment where one is enough to begin with. Workers of the previous generation that are
 * still leaving may hold the memory that the missing ones need.
 */
function affordableSlots(fleet: Fleet, group: Group): readonly number[] {
  if (fleet.nowMs < group.restAfterMs && readyWorkers(group).length > 0) return []
  const missing = emptySlots(fleet, group).filter((slot) => fleet.rollout?.yielded.has(slot) !== true)
  group.growing &&= readyWorkers(group).length < fleet.wanted
  if (!group.growing || missing.length === 0 || !isAnyLeaving(fleet)) return missing
  const { starts } = surgeOf(fleet, group, missing.length)
  if (starts < missing.length) tellLimited(fleet, group)
  return missing.slice(0, starts)
}

/** While the budget is spent one worker is tried; the others follow when it has proved stable. */
function tryOne(fleet: Fleet, group: Group): void {
  if (group.probe !== undefined && isStaff(group.probe)) return
  const [slot] = emptySlots(fleet, group)
  if (slot === undefined || !start(fleet, group, slot)) return
  group.probe = occupant(group, slot)
}

function start(fleet: Fleet, group: Group, slot: number): boolean {
  try {
    launch(fleet, group, slot)
    return true
  } catch (error) {
    onStartRefused(fleet, group)
    fleet.effects.emit({ type: 'warning', message: messageOf(error) })
    return false
  }
}

function recover(fleet: Fleet, group: Group): void {
  if (!group.budget.spent) return
  const { stableMs } = fleet.config.crash
  const { probe } = group
  const probeIsStable =
    probe?.readyMs != undefined && isStaff(probe) && fleet.nowMs - probe.readyMs >= stableMs
  const allAreReady = readyWorkers(group).length >= fleet.wanted
  if (probeIsStable || (allAreReady && fleet.nowMs - group.lastCrashMs >= stableMs)) group.budget.recover()
}
