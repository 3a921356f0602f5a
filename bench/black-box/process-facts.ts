import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks of `/proc/PID/stat` in one second; the same on every Linux that Bun runs on. */
const TICKS_PER_SECOND = 100

/** State letter of proc(5), such as `S`, `T` or `Z`; nothing when there is no such process. */
export function stateOf(pid: number): string | undefined {
  return statOf(pid)?.[0]
}

export function parentOf(pid: number): number | undefined {
  const parent = statOf(pid)?.[1]
  return parent === undefined ? undefined : Number(parent)
}

/** Processor time used so far, in milliseconds. */
export function cpuMsOf(pid: number): number {
  const fields = statOf(pid) ?? []
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1000
}

/** Number of open descriptors. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** Fields of `/proc/PID/stat` from the state on; the name before it may contain anything. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    // It ended.
    return undefined
  }
}
