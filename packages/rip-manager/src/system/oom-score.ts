import { writeFileSync } from 'node:fs'
import type { OomRank } from '../contract/ports.ts'
import { withDescendants } from './descendants.ts'
import { readText } from './read-text.ts'

/**
 * By how much `oom_score_adj` of a process is above our own. The kernel adds a thousandth of all memory there is, or of
 * the limit of the control group, for each point, and kills the process with the largest sum. Ours is larger than a worker by
 * 30 MiB, so that a worker needs 400 points to go first even where the limit is a mere 80 MiB.
 */
const RISE: Readonly<Record<OomRank, number>> = { serving: 400, expendable: 600 }
/** Most that the kernel takes (proc_pid_oom_score_adj(5)). */
const MOST = 1_000

/**
 * Has the kernel kill this process, and those it has started, before us when memory runs out. To raise the value takes no
 * privilege, and to lower it again to no less than ours takes none either. Does nothing where the system knows no such value,
 * or does not let us.
 */
export function setOomRank(pid: number, rank: OomRank): void {
  const own = Number.parseInt(readText('/proc/self/oom_score_adj') ?? '', 10)
  if (Number.isNaN(own)) return
  // Children inherit the value; one that a process has chosen for itself stays.
  const ours = new Set([own, ...Object.values(RISE).map((rise) => risen(own, rise))])
  for (const each of withDescendants(pid)) if (ours.has(scoreOf(each))) write(each, risen(own, RISE[rank]))
}

function risen(own: number, rise: number): number {
  return Math.min(MOST, own + rise)
}

function scoreOf(pid: number): number {
  return Number.parseInt(readText(`/proc/${pid}/oom_score_adj`) ?? '', 10)
}

function write(pid: number, value: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, `${value}`)
  } catch {
    // ENOENT: it has gone. EACCES: a sandbox does not let us.
  }
}
