import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks of `/proc/PID/stat` in one second; the same on every Linux that Bun runs on. */
const TICKS_PER_SECOND = 100

/** State letter of proc(5), such as `S`, `T` or `Z`; undefined when there is no such process. */
export function stateOf(pid: number): string | undefined {
  return statOf(pid)?.[0]
}

/** Whether a process runs; one that has ended and is not reaped yet does not. */
export function isAlive(pid: number): boolean {
  const state = stateOf(pid)
  return state !== undefined && state !== 'Z'
}

/** All processes below a process, zombies included. */
export function descendantsOf(pid: number): number[] {
  const children = Map.groupBy(everyPid(), (each) => Number(statOf(each)?.[1]))
  const below = (parent: number): number[] =>
    (children.get(parent) ?? []).flatMap((child) => [child, ...below(child)])
  return below(pid)
}

/** Command line of a process as one string; empty when there is no such process. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    // The process has ended.
    return ''
  }
}

/** Pids of all processes whose environment contains a text. */
export function processesMarked(mark: string): number[] {
  return everyPid().filter((pid) => isMarked(pid, mark))
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

/** Fields of `/proc/PID/stat` from the state on; the name before it may contain any character. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    // The process has ended.
    return undefined
  }
}

function everyPid(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

function isMarked(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)
  } catch {
    // The process has ended meanwhile, belongs to another user, or is a zombie, which has no environment.
    return false
  }
}
