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

/** Field 2 is the program's name in parentheses and may contain spaces and parentheses itself: fields are counted after it. */
function statField(pid: number, field: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[field - 3]
  } catch {
    // ENOENT or ESRCH: gone.
    return undefined
  }
}
