import { readdirSync, readFileSync } from 'node:fs'

/** The terminal this process was started in, if there was one; see proc_pid_stat(5). */
export class ControllingTerminal {
  /** Whether the process had a terminal when this object was created. */
  readonly existed: boolean
  /** Whether the terminal showed the output of this process. */
  readonly shown: boolean

  constructor() {
    this.existed = hasTerminal() ?? isShown()
    this.shown = isShown()
  }

  /** Whether it has hung up since, because its window or its connection was closed. */
  get isGone(): boolean {
    return this.existed && hasTerminal() === false
  }

  /**
   * Whether the terminal's driver may have sent SIGTTIN or SIGTTOU, which all processes of a job in the background get
   * when one of them reads or writes. This process itself does neither.
   */
  get stopsJob(): boolean {
    const own = readStat('self')
    if (own === undefined) return isShown()
    return own.foreground > 0 && own.foreground !== own.group && groupSize(own.group) > 1
  }
}

/** Whether SIGHUP was ignored when this process started, as it is by nohup(1). */
export function isHangUpIgnored(): boolean {
  const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readText('/proc/self/status'))?.[1]
  return ignored !== undefined && (Number.parseInt(ignored.slice(-1), 16) & 1) === 1
}

function isShown(): boolean {
  return process.stdout.isTTY === true || process.stderr.isTTY === true
}

/** `undefined` where the system does not tell. */
function hasTerminal(): boolean | undefined {
  const own = readStat('self')
  return own === undefined ? undefined : own.terminal !== 0
}

function groupSize(group: number): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => readStat(pid)?.group === group).length
}

interface Stat {
  readonly group: number
  readonly terminal: number
  /** Process group in the foreground of the terminal. */
  readonly foreground: number
}

function readStat(pid: string): Stat | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  // Takes fields 5, 7 and 8; field 2 is a name that may contain anything.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [, , group, , terminal, foreground] = fields
  if (group === undefined || terminal === undefined || foreground === undefined) return undefined
  return { group, terminal, foreground }
}

/** Empty when there is no such file. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
