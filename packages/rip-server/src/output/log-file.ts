import { closeSync, constants, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { LogLosses } from '@rip/balancer/supervisor'
import { openOwnFile } from '@rip/manager'
import type { LogRecord } from './log-record.ts'

/** Name of the log in a run directory. */
export const LOG_NAME = 'log'

/** Name of the log before it. */
export const FORMER_LOG_NAME: string = `${LOG_NAME}.1`

/** Size at which a new log is started; the one before is kept. */
const MAX_LOG_BYTES = 4 * 2 ** 20
/** How long lines are collected before they are written together. */
const FLUSH_MS = 50

/**
 * Recent output of the workers, for `rip-server logs`: a JSON record per line. Its size is bounded, and it is removed
 * with the run directory.
 */
export class LogFile implements AsyncDisposable {
  readonly #path: string
  readonly #losses: LogLosses
  /** The last line may have been written in part. */
  #isTorn = false
  #pending = ''
  #lines = 0
  #disowned: boolean
  #timer: ReturnType<typeof setTimeout> | undefined

  /**
   * @param tell what is said, once each, when lines cannot be written, as on a full disk, and when they can again
   * @param shared whether another process writes to the file, too, and owns it
   */
  constructor(path: string, tell: (message: string) => void, shared = false) {
    this.#path = path
    this.#losses = new LogLosses(tell, `the log ${path}`)
    this.#disowned = shared
  }

  write(record: LogRecord): void {
    this.#pending += `${JSON.stringify(record)}\n`
    this.#lines++
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS)
  }

  /** The other process leaves the file to this one, which now owns it. */
  adopt(): void {
    this.#disowned = false
  }

  /** Another process goes on with the file, so closing does not remove it. */
  disown(): void {
    this.#disowned = true
  }

  async close(): Promise<void> {
    this.#flush()
    this.#losses[Symbol.dispose]()
    if (this.#disowned) return
    rmSync(this.#path, { force: true })
    rmSync(`${this.#path}.1`, { force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#pending === '') return
    try {
      appendOwnFile(this.#path, this.#isTorn ? `\n${this.#pending}` : this.#pending)
      this.#isTorn = false
      this.#losses.written()
      if (statSync(this.#path).size > MAX_LOG_BYTES) renameSync(this.#path, `${this.#path}.1`)
    } catch (error) {
      // The disk is full: the lines were printed anyway, and serving matters more.
      this.#isTorn = true
      this.#losses.note(this.#lines, (error as Error).message)
    }
    this.#pending = ''
    this.#lines = 0
  }
}

function appendOwnFile(path: string, text: string): void {
  const fd = openOwnFile(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT)
  try {
    writeFileSync(fd, text)
  } finally {
    closeSync(fd)
  }
}

/** A line of the file; `undefined` for one that another release wrote. */
export function readRecord(line: string): LogRecord | undefined {
  try {
    const record = JSON.parse(line) as Partial<LogRecord> | null
    return typeof record?.name === 'string' && typeof record.text === 'string' && record.atMs !== undefined
      ? (record as LogRecord)
      : undefined
  } catch {
    return undefined
  }
}
