/** The end of a loss is reported after this time without one, because a full disk may become full again. */
const QUIET_MS = 1_000

/** Tells the operator that lines of the access log are lost: when that begins, and when it is over. */
export class LogLosses implements Disposable {
  private readonly tell: (message: string) => void
  private readonly name: string
  private lost = 0
  private isLosing = false
  private timer: ReturnType<typeof setTimeout> | undefined

  /** @param name what the log is called in a message */
  constructor(tell: (message: string) => void, name: string) {
    this.tell = tell
    this.name = name
  }

  /** @param reason what keeps them from being written */
  note(lines: number, reason: string): void {
    this.lost += lines
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.isLosing) return
    this.isLosing = true
    this.tell(
      `${this.name} cannot be written: ${reason}; its lines are lost until it can, requests are still served`,
    )
  }

  /** Lines were written. */
  written(): void {
    if (!this.isLosing) return
    this.timer ??= setTimeout(() => this.end('is written again'), QUIET_MS)
  }

  /** Nothing is written any more. Idempotent. */
  [Symbol.dispose](): void {
    if (this.isLosing) this.end(this.timer === undefined ? 'was not written to the end' : 'is written again')
  }

  private end(what: string): void {
    clearTimeout(this.timer)
    this.timer = undefined
    this.isLosing = false
    this.tell(`${this.name} ${what}: ${this.lost} ${this.lost === 1 ? 'line was' : 'lines were'} lost`)
    this.lost = 0
  }
}
