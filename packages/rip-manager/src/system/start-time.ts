import { readFileSync } from 'node:fs'

/**
 * When a process started, as an opaque text that differs for two processes that had the same pid: field 22
 * of `/proc/PID/stat`, in clock ticks since boot (proc_pid_stat(5)). `undefined` when there is no such
 * process, or no `/proc`.
 */
export function processStartTime(pid: number): string | undefined {
  return statField(pid, 22)
}

/** One-letter state of a process, such as `Z` for a zombie; field 3 of `/proc/PID/stat`. */
export function processState(pid: number): string | undefined {
  return statField(pid, 3)
}

/** Number of the process group that a process is in; field 5 of `/proc/PID/stat`. */
export function processGroup(pid: number): number | undefined {
  const field = statField(pid, 5)
  return field === undefined ? undefined : Number(field)
}

/**
 * Whether the pid may be that of the process that was seen with this start time, and was not waited for: also where that
 * cannot be found out, as without a free descriptor.
 */
export function mayBeSameProcess(pid: number, startTime: string | undefined): boolean {
  const stat = readStat(pid)
  if (stat === 'unreadable' || startTime === undefined) return true
  return stat !== 'none' && fieldOf(stat.text, 22) === startTime
}

/** Whether the process that was seen with this start time still runs; without one, the pid alone has to do. */
export function isSameProcess(pid: number, startTime: string | undefined): boolean {
  if (startTime === undefined) return hasPid(pid)
  return processStartTime(pid) === startTime && processState(pid) !== 'Z'
}

function hasPid(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    // ESRCH: no such process; EPERM: not one of ours.
    return false
  }
}

function statField(pid: number, field: number): string | undefined {
  const stat = readStat(pid)
  return typeof stat === 'string' ? undefined : fieldOf(stat.text, field)
}

/** Field 2 is the program's name in parentheses and may contain spaces and parentheses itself: fields are counted after it. */
function fieldOf(stat: string, field: number): string | undefined {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[field - 3]
}

/** `none`: there is no such process, or no `/proc`. */
function readStat(pid: number): { readonly text: string } | 'none' | 'unreadable' {
  try {
    return { text: readFileSync(`/proc/${pid}/stat`, 'utf8') }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ESRCH' ? 'none' : 'unreadable'
  }
}
