import type { GenerationId } from '../contract/router.ts'
import { CrashBudget } from './crash-budget.ts'
import { discardUnused } from './discard.ts'
import type { Generation } from './generation.ts'
import type { Fleet, Group, GroupState } from './state.ts'
import { drainDeadline, endNow, hurry, terminate, withdraw } from './worker.ts'

const transitions: Readonly<Record<GroupState, readonly GroupState[]>> = {
  candidate: ['serving', 'retiring'],
  serving: ['standby', 'retiring'],
  // A rollback makes it a candidate again.
  standby: ['candidate', 'retiring'],
  retiring: [],
}

/** @throws Error when this cannot follow: the machine has lost track. */
export function become(group: Group, state: GroupState): void {
  if (!transitions[group.state].includes(state)) {
    throw new Error(`a group of ${group.generation.id} that is ${group.state} cannot be ${state}`)
  }
  group.state = state
}

export function createGroup(fleet: Fleet, generation: Generation): Group {
  const group: Group = {
    generation,
    state: 'candidate',
    workers: new Set(),
    budget: new CrashBudget(fleet.config.crash, fleet.random),
    spawnAfterMs: 0,
    restAfterMs: 0,
    lastCrashMs: -Infinity,
    bystanders: 0,
    probe: undefined,
    routerDone: false,
    drawnUntilMs: 0,
    abandoned: { byRouter: 0, byWorkers: 0 },
    complete: false,
    served: false,
    growing: false,
    limited: false,
  }
  fleet.groups.add(group)
  return group
}

/** Lets a group that gets no new requests leave: the router first finishes what it has under way. */
export function retire(fleet: Fleet, group: Group): void {
  if (group.state === 'retiring') return
  become(group, 'retiring')
  for (const worker of group.workers) withdraw(fleet, worker, worker.ending ?? { kind: 'drained' })
  if (!group.served) group.routerDone = true
  else fleet.effects.drain(group.generation.id, Math.max(0, drainDeadline(fleet) - fleet.nowMs))
  forgetIfEmpty(fleet, group)
  boundRetiring(fleet)
}

/** A developer who saves again and again while streams stay open that never end must not fill the machine with old workers. */
function boundRetiring(fleet: Fleet): void {
  if (fleet.state !== 'running') return
  const retiring = [...fleet.groups].filter(({ state, served }) => state === 'retiring' && served)
  for (const group of retiring.slice(0, Math.max(0, retiring.length - fleet.config.maxRetiring))) {
    for (const worker of group.workers) hurry(fleet, worker)
  }
}

/** Ends a group that never served. */
export function dismiss(fleet: Fleet, group: Group): void {
  become(group, 'retiring')
  group.routerDone = true
  for (const worker of group.workers) {
    terminate(fleet, worker, worker.ending ?? { kind: 'killed', reason: 'superseded' })
  }
  forgetIfEmpty(fleet, group)
}

/** Ends a group without waiting for anything under way. Abandoned requests are counted. */
export function disband(fleet: Fleet, group: Group): void {
  if (group.state !== 'retiring') become(group, 'retiring')
  group.routerDone = true
  for (const worker of group.workers) endNow(fleet, worker)
  forgetIfEmpty(fleet, group)
}

/** The router has nothing of the generation in flight any more, or abandoned so many requests. */
export function onDrained(fleet: Fleet, generation: GenerationId, abandoned: number): void {
  for (const group of fleet.groups) {
    if (group.state !== 'retiring' || group.generation.id !== generation) continue
    group.routerDone = true
    group.abandoned.byRouter = Math.max(group.abandoned.byRouter, abandoned)
    forgetIfEmpty(fleet, group)
  }
}

/** Called when a worker has gone, or the router has finished with the group. */
export function forgetIfEmpty(fleet: Fleet, group: Group): void {
  if (group.state !== 'retiring' || group.workers.size > 0) return
  if ((group.served && !group.routerDone) || !fleet.groups.delete(group)) return
  if (group.served) {
    // Router and workers count the same requests, each as far as it knows of them.
    const abandoned = Math.max(group.abandoned.byRouter, group.abandoned.byWorkers)
    fleet.counters.abandon(abandoned)
    fleet.effects.emit({ type: 'generation-retired', generation: group.generation.id, abandoned })
  }
  discardUnused(fleet, group.generation.snapshot)
}

/** Fewer ready workers than are wanted are a loss from now on. */
export function expectEveryWorker(group: Group): void {
  group.complete = true
}

/** More workers are wanted than there have been, so that fewer are no loss. */
export function expectGrowth(group: Group): void {
  group.complete = false
}

/** False when every worker of the generation has gone. */
export function hasGroup({ groups }: Fleet, generation: GenerationId): boolean {
  for (const group of groups) if (group.generation.id === generation) return true
  return false
}
