/** A backend that has answered nothing for so long, while it had requests, may be stuck. */
const STALLED_MS = 100

/**
 * Whether a backend has answered nothing lately, as one whose event loop is blocked. Its requests pile up, and that makes no
 * crowd: what waits in a connection of HTTP/2 counts as begun when the backend dies, while one of HTTP/1.1 that was never
 * accepted does not, and its request is sent to another backend.
 */
export class Stall {
  private inFlight = 0
  private lastAnswerAt = Number.NEGATIVE_INFINITY

  /** Takes one more request. @param inFlight with it; when it has not grown, others were answered @returns whether it is stalled */
  joined(inFlight: number, nowMs: number): boolean {
    if (inFlight === 1 || inFlight <= this.inFlight) this.lastAnswerAt = nowMs
    this.inFlight = inFlight
    return nowMs - this.lastAnswerAt >= STALLED_MS
  }
}
