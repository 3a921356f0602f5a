import { totalmem } from 'node:os'
import { join } from 'node:path'
import type { MemoryReading } from '../contract/ports.ts'
import { readText } from './read-text.ts'
import { type Cgroup, type CgroupPlace, findCgroup, keyedValue } from './cgroup.ts'

const files = {
  1: { limit: 'memory.limit_in_bytes', used: 'memory.usage_in_bytes', idle: 'total_inactive_file' },
  2: { limit: 'memory.max', used: 'memory.current', idle: 'inactive_file' },
} as const

/** Where the kernel describes memory; another place only in tests. */
export interface MemoryPlace extends CgroupPlace {
  /** @default '/proc/meminfo' */
  readonly meminfo?: string
}

/**
 * How much memory is left to this process and its children: of the machine (`MemAvailable`), and of every control
 * group above us that has a limit. Files that were not used for a while (`inactive_file`) count as free, as the kernel
 * drops them first. `undefined` where the system does not say (macOS).
 */
export function readMemory(place: MemoryPlace = {}): MemoryReading | undefined {
  const machine = availableOnMachine(place.meminfo ?? '/proc/meminfo')
  const group = tightest(findCgroup('memory', place))
  if (group === undefined) return machine === undefined ? undefined : { availableBytes: machine }
  const left = Math.max(0, group.bytes - group.usedBytes)
  return { availableBytes: Math.min(left, machine ?? Infinity), limit: group }
}

/** See proc_meminfo(5). */
function availableOnMachine(path: string): number | undefined {
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(readText(path) ?? '')?.[1]
  return kib === undefined ? undefined : Number(kib) * 1024
}

type Limit = NonNullable<MemoryReading['limit']>

/** The limit with the least left below it, of our own group and of those above. */
function tightest(group: Cgroup | undefined): Limit | undefined {
  if (group === undefined) return undefined
  const limits = group.folders.flatMap((folder) => limitIn(folder, group.version) ?? [])
  const left = ({ bytes, usedBytes }: Limit): number => bytes - usedBytes
  return limits.toSorted((one, other) => left(one) - left(other))[0]
}

/** `max` reads as NaN, and version 1 writes "none" as more than any machine has. */
function limitIn(folder: string, version: Cgroup['version']): Limit | undefined {
  const { limit, used, idle } = files[version]
  const bytes = numberIn(folder, limit)
  const current = numberIn(folder, used)
  if (bytes === undefined || current === undefined || bytes > totalmem()) return undefined
  const idleBytes = keyedValue(readText(join(folder, 'memory.stat')) ?? '', idle) ?? 0
  return { bytes, usedBytes: Math.max(0, current - idleBytes) }
}

function numberIn(folder: string, file: string): number | undefined {
  const value = Number.parseInt(readText(join(folder, file)) ?? '', 10)
  return Number.isFinite(value) ? value : undefined
}
