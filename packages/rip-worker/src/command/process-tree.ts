import { readdirSync } from 'node:fs'
import { procText } from './proc-text.ts'

interface Process {
  readonly pid: number
  readonly isZombie: boolean
  readonly parent: number
  readonly group: number
}

const PAGE_BYTES = 4_096

/**
 * Every living process that this one has started, directly or through others: those below it, and those in its process
 * group whose parents have ended. Without itself.
 *
 * @throws when the list of processes cannot be read
 */
export function descendants(self: number = process.pid): readonly number[] {
  const processes = allProcesses().filter(({ isZombie }) => !isZombie)
  const group = processes.find(({ pid }) => pid === self)?.group
  const found = new Set([self])
  for (let before = 0; before !== found.size;) {
    before = found.size
    for (const { pid, parent } of processes) if (found.has(parent)) found.add(pid)
  }
  // A process that is in a group it does not lead shares it with others.
  if (group === self) for (const each of processes) if (each.group === self) found.add(each.pid)
  found.delete(self)
  return [...found]
}

/** Processes below this one that have ended and that their parent, this process, has not waited for. */
export function zombies(self: number = process.pid): readonly number[] {
  try {
    return allProcesses().flatMap(({ pid, parent, isZombie }) => (isZombie && parent === self ? [pid] : []))
  } catch {
    // EMFILE: they are found later.
    return []
  }
}

/** Whether the process has not gone; a zombie is still there. */
export function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    // ESRCH
    return false
  }
}

/** Bytes of memory that the processes have in use; pages they share count several times. */
export function residentBytes(pids: readonly number[]): number {
  return pids.reduce((bytes, pid) => bytes + residentPages(pid) * PAGE_BYTES, 0)
}

export function signalAll(pids: readonly number[], signal: 'SIGTERM' | 'SIGKILL'): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // ESRCH: it has just ended.
    }
  }
}

function allProcesses(): readonly Process[] {
  return process.platform === 'linux' ? processesByProc() : processesByPs()
}

function processesByProc(): readonly Process[] {
  return readdirSync('/proc').flatMap((name) => {
    // After the name of the program, which may contain anything, in parentheses: see proc_pid_stat(5).
    const [state, parent, group] = (/^\d+$/.test(name) ? procText(`/proc/${name}/stat`) : '')
      .replace(/^.*\) /s, '')
      .split(' ')
    if (state === '') return []
    const isZombie = state === 'Z' || state === 'X'
    return [{ pid: Number(name), isZombie, parent: Number(parent), group: Number(group) }]
  })
}

function processesByPs(): readonly Process[] {
  const { stdout } = Bun.spawnSync(['ps', '-A', '-o', 'pid=,ppid=,pgid=,stat='])
  return stdout
    .toString()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([pid]) => pid !== '')
    .map(([pid, parent, group, state = '']) => ({
      pid: Number(pid),
      isZombie: state.startsWith('Z'),
      parent: Number(parent),
      group: Number(group),
    }))
}

function residentPages(pid: number): number {
  return Number(procText(`/proc/${pid}/statm`).split(' ')[1] ?? 0)
}
