/** What an application does at its start is over so long after it is ready. */
const AFTER_READY_MS = 500
/** The clock of a file system may be behind the clock of the system. */
const SLACK_MS = 20
/** So many changes in a row, each during the start that the one before caused, are the application's own. */
const IN_A_ROW = 4
/** So many changes of files that may be code are told, and cause starts all the same: a developer who saves one must not wait in vain. */
const TOLD_IN_A_ROW = 10
/** Starts that are remembered. */
const MAX_STARTS = 32

interface Start {
  readonly pid: number
  readonly fromMs: number
  toMs: number
}

/**
 * Finds that an application changes its own folder each time it starts, which would start it again and again for ever. Times are
 * milliseconds since the epoch.
 */
export class BootWrites {
  #starts: Start[] = []
  #inARow = 0
  #codeInARow = 0

  /** A process of the application was started. */
  started(pid: number, atMs: number): void {
    this.#starts = [...this.#starts, { pid, fromMs: atMs - SLACK_MS, toMs: Infinity }].slice(-MAX_STARTS)
  }

  /** It has loaded the application, or has ended. */
  settled(pid: number, atMs: number): void {
    for (const start of this.#starts)
      if (start.pid === pid && start.toMs === Infinity) start.toMs = atMs + AFTER_READY_MS
  }

  /** Whether a change that the code does not import is the application's own. @param atMs when it was written */
  isOwn(atMs: number): boolean {
    if (this.#isEstablished) return this.#isDuringStart(atMs)
    this.#inARow = this.#isDuringStart(atMs) ? this.#inARow + 1 : 0
    return this.#isEstablished
  }

  /**
   * Something else changed, which may be code. Returns whether that is the tenth time in a row that it did during a start.
   *
   * @param atMs when it was written
   */
  noteCode(atMs: number): boolean {
    if (!this.#isEstablished) this.#inARow = 0
    this.#codeInARow = this.#isDuringStart(atMs) ? this.#codeInARow + 1 : 0
    return this.#codeInARow === TOLD_IN_A_ROW
  }

  get #isEstablished(): boolean {
    return this.#inARow >= IN_A_ROW
  }

  #isDuringStart(atMs: number): boolean {
    return this.#starts.some(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs)
  }
}
