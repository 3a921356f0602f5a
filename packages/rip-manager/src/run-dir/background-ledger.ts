import { mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BackgroundLedger } from '../contract/ports.ts'
import { isSameProcess, processGroup, processStartTime } from '../system/start-time.ts'
import { namesIn } from '../system/names-in.ts'

const POLL_MS = 20
/** How much longer than its drain may last a process of an earlier manager gets before it is killed. */
const GRACE_MS = 2_000

export interface BackgroundLedgerOptions {
  /** Run directory of the instance; the ledger is a folder in it, with a file for each process. */
  readonly runDir: string
  /** Called with one sentence for each process that is waited for. @default nothing is said */
  readonly note?: (message: string) => void
}

interface Entry {
  readonly file: string
  readonly name: string
  readonly pid: number
  readonly startTime: string | undefined
}

/** A ledger that the next manager of the same instance finds on disk. */
export function createBackgroundLedger(options: BackgroundLedgerOptions): BackgroundLedger {
  return new LedgerFolder(options)
}

class LedgerFolder implements BackgroundLedger {
  readonly #folder: string
  readonly #note: (message: string) => void
  /** Files of processes of this manager. */
  readonly #own = new Set<string>()

  constructor({ runDir, note = () => {} }: BackgroundLedgerOptions) {
    this.#folder = join(runDir, 'background')
    this.#note = note
  }

  note(name: string, pid: number): void {
    const file = `${name}.${pid}`
    this.#own.add(file)
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    writeFileSync(join(this.#folder, file), processStartTime(pid) ?? '', { mode: 0o600 })
  }

  drop(name: string, pid: number): void {
    this.#own.delete(`${name}.${pid}`)
    this.#remove(`${name}.${pid}`)
  }

  async clear({ drainTimeoutMs }: { readonly drainTimeoutMs: number }): Promise<void> {
    await Promise.all(this.#foreign().map((entry) => this.#outlive(entry, drainTimeoutMs)))
  }

  #foreign(): readonly Entry[] {
    const files = namesIn(this.#folder).filter((file) => !this.#own.has(file))
    return files.flatMap((file) => {
      const match = /^(.+)\.(\d+)$/.exec(file)
      const text = match === null ? undefined : textOf(join(this.#folder, file))
      if (match === null || text === undefined) return []
      return [{ file, name: match[1] ?? '', pid: Number(match[2]), startTime: text || undefined }]
    })
  }

  /** Its manager is gone, which it has noticed by the end of its input: it ends within the time it has for that. */
  async #outlive({ file, name, pid, startTime }: Entry, drainTimeoutMs: number): Promise<void> {
    if (isHalfWritten(startTime)) return this.#remove(file)
    const untilMs = performance.now() + drainTimeoutMs + GRACE_MS
    const isSeen = isSameProcess(pid, startTime)
    if (isSeen) this.#note(`${name} waits for process ${pid} of an earlier start to end`)
    while (isSameProcess(pid, startTime)) {
      if (performance.now() >= untilMs) killGroup(pid)
      await Bun.sleep(POLL_MS)
    }
    // What it has left in its group: as long as that lives, the kernel gives the number to no other process.
    if (processStartTime(pid) === undefined && (isSeen || isGroupOf(name, pid))) killGroup(pid)
    this.#remove(file)
  }

  /** A file that stays is one of a process that has gone: the next manager sees that. */
  #remove(file: string): void {
    try {
      rmSync(join(this.#folder, file), { force: true })
      rmdirSync(this.#folder)
    } catch {
      // ENOTEMPTY: others are noted. ENOENT: the run directory is gone. EROFS, EACCES, EISDIR: it stays.
    }
  }
}

/** As a full disk leaves it: whose number it is cannot be told, and it may be that of a stranger by now. */
function isHalfWritten(startTime: string | undefined): boolean {
  return startTime === undefined && processStartTime(process.pid) !== undefined
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // ENOENT: its manager was quicker, or a process has ended. EISDIR, EACCES: it is not ours.
    return undefined
  }
}

/**
 * Whether a process of this group has the variable that background processes of this name pass on to what they start.
 * A process that has ended long ago may have left nothing, and its number may be that of a stranger's group by now.
 */
function isGroupOf(name: string, group: number): boolean {
  return namesIn('/proc').some((entry) => {
    if (!/^\d+$/.test(entry) || processGroup(Number(entry)) !== group) return false
    return textOf(`/proc/${entry}/environ`)?.split('\0').includes(`RIP_BACKGROUND=${name}`) === true
  })
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // ESRCH: the group is empty.
  }
}
