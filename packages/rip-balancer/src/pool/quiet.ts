/** A backend is not unusually quiet before this time. */
const MIN_QUIET_MS = 250
/** From so many times its usual on. */
const TIMES_USUAL = 4
/** The usual pause shrinks by this factor with each answer, so that it follows what is usual now. */
const FORGETTING = 0.9

/**
 * For how long a backend that has something to do answers nothing, in comparison with what is usual there: a first sign
 * that it hangs, before any request is over.
 */
export class Quiet {
  /** Requests it was given since its last answer. */
  unanswered = 0
  private sinceMs = 0
  private usualMs = 0

  /** The backend, which had nothing to do, gets a request. */
  begin(nowMs: number): void {
    this.sinceMs = nowMs
  }

  /** The backend answered a request. */
  answered(nowMs: number): void {
    this.usualMs = Math.max(nowMs - this.sinceMs, this.usualMs * FORGETTING)
    this.sinceMs = nowMs
    this.unanswered = 0
  }

  /** Asked only while it has something to do. */
  isUnusual(nowMs: number): boolean {
    return nowMs - this.sinceMs > Math.max(MIN_QUIET_MS, TIMES_USUAL * this.usualMs)
  }
}
