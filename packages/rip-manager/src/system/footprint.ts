import type { Footprint } from '../contract/ports.ts'
import { withDescendants } from './descendants.ts'
import { readText } from './read-text.ts'

/**
 * Memory of a process and of those it has started, without the pages of files, which processes share and the kernel drops
 * when it needs room. Undefined where the system does not say, or the process has gone. See proc_pid_status(5).
 */
export function readFootprint(pid: number): Footprint | undefined {
  const all = withDescendants(pid).flatMap((each) => footprintOf(each) ?? [])
  if (all.length === 0) return undefined
  return { bytes: sum(all.map(({ bytes }) => bytes)), peakBytes: sum(all.map(({ peakBytes }) => peakBytes)) }
}

function footprintOf(pid: number): Footprint | undefined {
  const status = readText(`/proc/${pid}/status`) ?? ''
  const own = bytesIn(status, 'RssAnon')
  if (own === undefined) return undefined
  const bytes = own + (bytesIn(status, 'VmPTE') ?? 0)
  const resident = bytesIn(status, 'VmRSS') ?? 0
  // How much of the largest size were pages of files is not known: few, right after a boot, which gives none of them back.
  return { bytes, peakBytes: bytes + Math.max(0, (bytesIn(status, 'VmHWM') ?? 0) - resident) }
}

/** A zombie has none of these lines. */
function bytesIn(status: string, name: string): number | undefined {
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]
  return kib === undefined ? undefined : Number(kib) * 1024
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
