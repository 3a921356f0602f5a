import { availableParallelism, totalmem } from 'node:os'
import { type CgroupPlace, findCgroup, readAll } from './cgroup.ts'

/**
 * Processors this process may use: what it is allowed to run on, reduced by the CPU quota of its control
 * group. Half a processor counts as a whole one, so the result is at least 1.
 */
export function availableCpus(place: CgroupPlace = {}): number {
  const quotas = cpuQuotas(place)
  return Math.max(1, Math.min(availableParallelism(), ...quotas.map(Math.ceil)))
}

/** Bytes of memory this process and its children may use together: the machine's, or the control group's limit if smaller. */
export function availableMemoryBytes(place: CgroupPlace = {}): number {
  return Math.min(totalmem(), ...memoryLimits(place))
}

/** `cpu.max` is `$QUOTA $PERIOD` with `max` for none (cgroup v2); v1 has a file for each and -1 for none. */
function cpuQuotas(place: CgroupPlace): readonly number[] {
  const group = findCgroup('cpu', place)
  if (group === undefined) return []
  if (group.version === 2) return readAll(group, 'cpu.max').map(parseCpuMax).filter(isLimit)
  const quotas = readAll(group, 'cpu.cfs_quota_us')
  const periods = readAll(group, 'cpu.cfs_period_us')
  return quotas.map((quota, index) => Number(quota) / Number(periods[index])).filter(isLimit)
}

function memoryLimits(place: CgroupPlace): readonly number[] {
  const group = findCgroup('memory', place)
  if (group === undefined) return []
  const file = group.version === 2 ? 'memory.max' : 'memory.limit_in_bytes'
  return readAll(group, file).map(Number).filter(isLimit)
}

function parseCpuMax(text: string): number {
  const [quota, period] = text.trim().split(' ')
  return Number(quota) / Number(period)
}

/** `max` reads as NaN, "none" in v1 as a negative quota. */
function isLimit(value: number): boolean {
  return Number.isFinite(value) && value > 0
}
