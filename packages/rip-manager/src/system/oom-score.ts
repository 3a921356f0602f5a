import { writeFileSync } from 'node:fs'
import type { OomRank } from '../contract/ports.ts'
import { withDescendants } from './descendants.ts'
import { readText } from './read-text.ts'

/**
 * By how much `oom_score_adj` of a process is above our own. The kernel adds a thousandth of the memory there is, or of the limit of
 * the control group, for each point, and kills the process with the largest sum. It counts pages of the runtime's file for each process
 * that has mapped them, 40 MiB for us and our balancer, and 10 to 25 for a worker that has given back what only its boot needed: with
 * a limit of 40 MiB, which hardly holds one worker, fewer points would not do.
 */
const RISE: Readonly<Record<OomRank, number>> = { serving: 800, expendable: 1_000 }
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
