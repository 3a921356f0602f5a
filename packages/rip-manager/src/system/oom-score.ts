import { writeFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import type { OomRank } from '../contract/ports.ts'
import { withDescendants } from './descendants.ts'
import { readMemory } from './memory.ts'
import { readText } from './read-text.ts'

const MIB = 1_048_576
/**
 * How much larger than it is the kernel is to take a process for. It counts pages of the runtime's file for each process that has
 * mapped them, 40 MiB for us and our balancer, and 10 to 25 for a worker that has given back what only its boot needed: a worker has
 * to make up for that, and for what we and the balancer have grown by. What is not needed for this would be said of the whole machine:
 * that a worker goes before a program that has gone wrong.
 */
const RISE_BYTES: Readonly<Record<OomRank, number>> = { serving: 68 * MIB, expendable: 136 * MIB }
/** Where hardly one worker has room, those that serve still come behind the others. */
const MOST_RISE: Readonly<Record<OomRank, number>> = { serving: 800, expendable: 1_000 }
/** Most that the kernel takes (proc_pid_oom_score_adj(5)). */
const MOST = 1_000

/**
 * Has the kernel kill this process, and those it has started, before us when memory runs out. To raise the value takes no
 * privilege, and to lower it again to no less than ours takes none either. Does nothing where the system knows no such value,
 * or does not let us.
 */
export function setOomRank(pid: number, rank: OomRank): void {
  const own = scoreOf('self')
  if (Number.isNaN(own)) return
  const memoryBytes = readMemory()?.limit?.bytes ?? totalmem()
  const scoreWith = (each: OomRank): number => Math.min(MOST, own + oomRise(each, memoryBytes))
  // Children inherit the value; one that a process has chosen for itself stays.
  const ours = new Set([own, scoreWith('serving'), scoreWith('expendable')])
  for (const each of withDescendants(pid)) if (ours.has(scoreOf(each))) write(each, scoreWith(rank))
}

/**
 * By how much `oom_score_adj` of a process with this rank is above ours. The kernel adds a thousandth of the memory there is, or of
 * the limit of the control group, for each point, and kills the process with the largest sum.
 */
export function oomRise(rank: OomRank, memoryBytes: number): number {
  return Math.min(MOST_RISE[rank], Math.ceil((1_000 * RISE_BYTES[rank]) / memoryBytes))
}

function scoreOf(pid: number | 'self'): number {
  return Number.parseInt(readText(`/proc/${pid}/oom_score_adj`) ?? '', 10)
}

function write(pid: number, value: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, `${value}`)
  } catch {
    // ENOENT: it has gone. EACCES: a sandbox does not let us.
  }
}
