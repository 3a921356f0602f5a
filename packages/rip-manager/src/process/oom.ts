import { type CgroupPlace, findCgroup, keyedValue, nearestWith } from '../system/cgroup.ts'
import { readText } from '../system/read-text.ts'
import { OOM_GROUP_KILL_MS, OOM_MACHINE_KILL_MS } from './bounds.ts'

/** Finds out whether a process that ended by SIGKILL was killed for want of memory. */
export interface OomWatch {
  /** Notes what the kernel has counted. Done every second or so, an old kill is not taken for a new one. */
  look(): void
  /** Accounts for one kill, if there is a recent one that was not accounted for yet. */
  consume(): boolean
}

/** What the kernel has counted since it started; see cgroups(7) and proc_vmstat(5). */
export interface OomKills {
  /** In our own control group and, in version 2, those below it. */
  readonly group?: { readonly folder: string; readonly kills: number } | undefined
  /** Wherever it was. */
  readonly machine?: number | undefined
}

export interface OomWatchOptions {
  /** @default the counters of the kernel */
  readonly read?: () => OomKills
  /** Monotonic. @default performance.now */
  readonly nowMs?: () => number
}

/**
 * A kill in our own group is ours. One that only the machine has counted may be that of a stranger, or of a worker that was
 * put into a group of its own: it is believed when it happened just now.
 */
export function createOomWatch(options: OomWatchOptions = {}): OomWatch {
  const { read = readOomKills, nowMs = () => performance.now() } = options
  let last = read()
  /** Until when a kill may still be accounted for. */
  let credits: number[] = []

  const look = (): void => {
    const now = read()
    const inGroup = riseInGroup(last, now)
    const elsewhere = rise(last.machine, now.machine) - inGroup
    last = now
    const atMs = nowMs()
    credits = credits.filter((untilMs) => untilMs >= atMs)
    for (let n = 0; n < inGroup; n++) credits.push(atMs + OOM_GROUP_KILL_MS)
    for (let n = 0; n < elsewhere; n++) credits.push(atMs + OOM_MACHINE_KILL_MS)
  }

  const consume = (): boolean => {
    look()
    return credits.shift() !== undefined
  }

  return { look, consume }
}

/** For a process that was moved to another group, counting starts anew. */
function riseInGroup({ group: before }: OomKills, { group: now }: OomKills): number {
  return before?.folder === now?.folder ? rise(before?.kills, now?.kills) : 0
}

function rise(before: number | undefined, now: number | undefined): number {
  return before === undefined || now === undefined ? 0 : Math.max(0, now - before)
}

/** `memory.events` in version 2 of control groups, `memory.oom_control` in version 1; `/proc/vmstat` for the machine. */
export function readOomKills(place: CgroupPlace & { readonly vmstat?: string } = {}): OomKills {
  const group = findCgroup('memory', place)
  const file = group?.version === 1 ? 'memory.oom_control' : 'memory.events'
  const folder = group === undefined ? undefined : nearestWith(group, file)
  const kills = folder === undefined ? undefined : keyedValue(readText(`${folder}/${file}`) ?? '', 'oom_kill')
  const machine = keyedValue(readText(place.vmstat ?? '/proc/vmstat') ?? '', 'oom_kill')
  return { ...(folder !== undefined && kills !== undefined && { group: { folder, kills } }), machine }
}
