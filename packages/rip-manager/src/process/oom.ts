import { type CgroupPlace, findCgroup, keyedValue, readNearest } from '../limits/cgroup.ts'
import { readText } from '../read-text.ts'

/** Tells whether the kernel's out-of-memory killer was at work since the last time it was asked. */
export interface OomWatch {
  /** Accounts for one kill, if there is one that was not accounted for yet. */
  consume(): boolean
}

/** `readKills` returns the kernel's counter, or `undefined` where there is none. */
export function createOomWatch(readKills: () => number | undefined = readOomKills): OomWatch {
  let accounted = readKills()
  return {
    consume(): boolean {
      const kills = readKills()
      if (kills === undefined || accounted === undefined || kills <= accounted) return false
      accounted += 1
      return true
    },
  }
}

/**
 * Processes the kernel killed for want of memory: in this control group (`memory.events` in version 2,
 * `memory.oom_control` in version 1), or on the whole machine where the group keeps no count.
 */
export function readOomKills(place: CgroupPlace = {}): number | undefined {
  const group = findCgroup('memory', place)
  const text =
    group === undefined
      ? undefined
      : readNearest(group, group.version === 2 ? 'memory.events' : 'memory.oom_control')
  return keyedValue(text ?? '', 'oom_kill') ?? keyedValue(readText('/proc/vmstat') ?? '', 'oom_kill')
}
