const PERIOD_MS = 100
/** So many of a period are all looked at, */
const WHOLE = 16
/** up to so many every fourth, */
const MANY = 80
const OF_MANY = 4
/** and of those after them every 64th. */
const OF_ALL = 64

/**
 * Decides which of many requests are looked at more closely, so that this costs little however many there are. The weights of
 * those that are add up to the number of all, but for 66 at most.
 */
export class Sampler {
  private seen = 0
  private periodEndMs = 0
  private skippedOfMany = 0
  private skippedOfAll = 0

  /** For how many requests this one stands; 0 when it is not looked at. @param nowMs on the monotonic clock */
  weight(nowMs: number): number {
    if (nowMs >= this.periodEndMs) {
      this.periodEndMs = nowMs + PERIOD_MS
      this.seen = 0
    }
    this.seen++
    if (this.seen <= WHOLE) return 1
    if (this.seen <= MANY) return this.ofMany()
    this.skippedOfAll++
    if (this.skippedOfAll < OF_ALL) return 0
    this.skippedOfAll = 0
    return OF_ALL
  }

  private ofMany(): number {
    this.skippedOfMany++
    if (this.skippedOfMany < OF_MANY) return 0
    this.skippedOfMany = 0
    return OF_MANY
  }
}
