import { isFree, isToBeActive } from './activity.ts'
import type { Group, Pool, Worker } from './state.ts'
import { isStaff } from './worker.ts'

/** What must hold after every transition; an empty list when it does. */
export function brokenInvariants(pool: Pool): readonly string[] {
  return [...pool.groups].flatMap((group) => brokenInGroup(group)).concat(brokenInPool(pool))
}

function brokenInPool(pool: Pool): string[] {
  const broken: string[] = []
  const { serving, rollout, groups, workers, observation, nowMs } = pool
  const all = [...groups]
  if (all.some((group) => group.role === 'serving' && group !== serving)) broken.push('two generations serve')
  if (serving !== null && pool.phase === 'running' && serving.role !== 'serving')
    broken.push(`the serving group is ${serving.role}`)
  if (all.some((group) => group.role === 'candidate' && group !== rollout?.group))
    broken.push('a candidate belongs to no rollout')
  if (all.some((group) => group.role === 'warm' && group !== observation?.before))
    broken.push('a warm group is not observed against')
  if (all.reduce((sum, group) => sum + group.workers.size, 0) !== workers.size)
    broken.push('a worker belongs to no group')
  for (const worker of workers.values()) {
    if (!worker.group.workers.has(worker)) broken.push(`${worker.id} is unknown to its group`)
    if (nowMs >= worker.deadlineMs) broken.push(`${worker.id} is ${worker.stage} beyond its deadline`)
    if (lacksDeadline(worker)) broken.push(`${worker.id} is ${worker.stage} without a deadline`)
  }
  return [...broken, ...brokenActivity(pool)]
}

function brokenActivity(pool: Pool): string[] {
  const broken: string[] = []
  for (const worker of pool.workers.values()) {
    const { id, activity } = worker
    if (activity !== 'standby' && !isFree(pool, worker)) broken.push(`${id} is active beside another`)
    if (activity === 'active' && !isToBeActive(pool, worker))
      broken.push(`${id} is active and does not serve`)
    if (activity === 'standby' && isOwed(pool, worker)) broken.push(`${id} serves and stands by`)
  }
  return broken
}

function isOwed(pool: Pool, worker: Worker): boolean {
  return pool.config.speaksProtocol && isToBeActive(pool, worker) && isFree(pool, worker)
}

/** KILL follows whatever does not end by itself. */
function lacksDeadline({ stage, deadlineMs }: Worker): boolean {
  return deadlineMs === Infinity && (stage === 'starting' || stage === 'draining' || stage === 'terminating')
}

function brokenInGroup(group: Group): string[] {
  const broken: string[] = []
  const slots = new Set<number>()
  let successors = 0
  for (const worker of group.workers) {
    if (worker.stage === 'exited') broken.push(`${worker.id} has gone and is still counted`)
    if (worker.replaces !== null) successors += 1
    if (!isStaff(worker) || worker.replaces !== null) continue
    if (slots.has(worker.slot)) broken.push(`slot ${worker.slot} is filled twice`)
    slots.add(worker.slot)
    if (group.role === 'retiring') broken.push(`${worker.id} was not asked to retire`)
  }
  if (successors > 1) broken.push('two workers are being replaced at once')
  return broken
}
