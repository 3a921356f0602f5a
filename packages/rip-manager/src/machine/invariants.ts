import { isFree, isToBeActive } from './activity.ts'
import { mayBegin } from './background.ts'
import { isAtWork } from './background-post.ts'
import type { Group, Fleet, Worker } from './state.ts'
import { isStaff } from './worker.ts'

/** What must hold after every transition; an empty list when it does. */
export function brokenInvariants(fleet: Fleet): readonly string[] {
  return [...fleet.groups].flatMap((group) => brokenInGroup(group)).concat(brokenInFleet(fleet))
}

function brokenInFleet(fleet: Fleet): string[] {
  const broken: string[] = []
  const { serving, rollout, groups, workers, observation, nowMs } = fleet
  const all = [...groups]
  if (all.some((group) => group.state === 'serving' && group !== serving))
    broken.push('two generations serve')
  if (serving !== undefined && fleet.state === 'running' && serving.state !== 'serving')
    broken.push(`the serving group is ${serving.state}`)
  if (all.some((group) => group.state === 'candidate' && group !== rollout?.group))
    broken.push('a candidate belongs to no rollout')
  if (all.some((group) => group.state === 'standby' && group !== observation?.previous))
    broken.push('a group on standby is not observed against')
  if (all.reduce((sum, group) => sum + group.workers.size, 0) !== workers.size)
    broken.push('a worker belongs to no group')
  for (const worker of workers.values()) {
    if (!worker.group.workers.has(worker)) broken.push(`${worker.id} is unknown to its group`)
    if (nowMs >= worker.deadlineMs) broken.push(`${worker.id} is ${worker.state} beyond its deadline`)
    if (lacksDeadline(worker)) broken.push(`${worker.id} is ${worker.state} without a deadline`)
  }
  return [...broken, ...brokenActivity(fleet), ...brokenVerdicts(fleet), ...brokenBackground(fleet)]
}

function brokenBackground(fleet: Fleet): string[] {
  const broken: string[] = []
  for (const post of fleet.background) {
    const processes = [...post.processes]
    if (processes.filter(({ hasBegun }) => hasBegun).length > 1) broken.push(`${post.name} works twice`)
    for (const process of processes) {
      const { pid, state, deadlineMs, generation } = process
      if (fleet.nowMs >= deadlineMs) broken.push(`${post.name} (${pid}) is ${state} beyond its deadline`)
      if (mayBegin(fleet, post, process)) broken.push(`${post.name} (${pid}) could work and waits`)
      if (isAtWork(process) && fleet.serving !== undefined && generation !== fleet.serving.generation)
        broken.push(`${post.name} (${pid}) works with code that does not serve`)
    }
  }
  return broken
}

function brokenVerdicts({ verdicts, rollout, observation, staying }: Fleet): string[] {
  const broken: string[] = []
  if (verdicts.on(verdicts.good?.generation) !== undefined) broken.push('the copy is of condemned content')
  if (staying.areHeld && observation === undefined && rollout?.kind !== 'rollback')
    broken.push('a command stays for an observation that has ended')
  if (rollout === undefined || rollout.forced || verdicts.on(rollout.generationId) === undefined)
    return broken
  // What serves for lack of anything else may stand by, and be returned to.
  if (rollout.kind !== 'rollback' || !rollout.unasked)
    broken.push(`condemned content is on its way by ${rollout.kind}`)
  return broken
}

function brokenActivity(fleet: Fleet): string[] {
  const broken: string[] = []
  for (const worker of fleet.workers.values()) {
    const { id, activity } = worker
    if (activity !== 'standby' && !isFree(fleet, worker)) broken.push(`${id} is active beside another`)
    if (activity === 'active' && !isToBeActive(fleet, worker))
      broken.push(`${id} is active and does not serve`)
    if (activity === 'standby' && isOwed(fleet, worker)) broken.push(`${id} serves and stands by`)
  }
  return broken
}

function isOwed(fleet: Fleet, worker: Worker): boolean {
  return fleet.config.speaksProtocol && isToBeActive(fleet, worker) && isFree(fleet, worker)
}

/** A worker that does not end by itself has a deadline, after which it is killed. */
function lacksDeadline({ state, deadlineMs }: Worker): boolean {
  return deadlineMs === Infinity && (state === 'starting' || state === 'draining' || state === 'terminating')
}

function brokenInGroup(group: Group): string[] {
  const broken: string[] = []
  const slots = new Set<number>()
  let successors = 0
  for (const worker of group.workers) {
    if (worker.state === 'exited') broken.push(`${worker.id} has gone and is still counted`)
    if (worker.replaces !== undefined) successors += 1
    if (!isStaff(worker) || worker.replaces !== undefined) continue
    if (slots.has(worker.slot)) broken.push(`slot ${worker.slot} is filled twice`)
    slots.add(worker.slot)
    if (group.state === 'retiring') broken.push(`${worker.id} was not asked to retire`)
  }
  if (successors > 1) broken.push('two workers are being replaced at once')
  return broken
}
