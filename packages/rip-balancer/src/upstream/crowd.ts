/** With more requests at a time at a backend, those that leave together make a lane cheaper (`bench/proxy`, small-32). */
const MANY_REQUESTS = 16
/** Down to so many the lane is kept, although it brings nothing any more. */
const FEW_REQUESTS = 12
/** There have been no more than few for so long: it is no gap between two rounds of requests. */
const CALM_MS = 1_000

/**
 * Whether a backend has so many requests at a time that a connection of HTTP/2, where those of a turn share system calls, costs
 * less than one of HTTP/1.1 for each. It changes at once when there are many, and back when there were few for a second: a
 * load in between stays with what it has.
 */
export class Crowd {
  /** Requests are sent on lanes. */
  private isLarge = false
  /** When there were last more than few. */
  private lastLargeAt = Number.NEGATIVE_INFINITY

  /** Takes one more request. @param inFlight with it. @returns whether it is worth a lane */
  joined(inFlight: number, nowMs: number): boolean {
    if (inFlight > MANY_REQUESTS) this.isLarge = true
    if (inFlight > FEW_REQUESTS) this.lastLargeAt = nowMs
    else if (nowMs - this.lastLargeAt >= CALM_MS) this.isLarge = false
    return this.isLarge
  }
}
