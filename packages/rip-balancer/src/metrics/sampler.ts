/** So many of a period are all looked at, and every so many after them. */
const WHOLE = 16
const EVERY = 64
const PERIOD_MS = 100

/** Decides which of many requests are looked at more closely, so that this costs little however many there are. */
export class Sampler {
  private seen = 0
  private periodEndMs = 0

  /** For how many requests this one stands; 0 when it is not looked at. @param nowMs on the monotonic clock */
  weight(nowMs: number): number {
    if (nowMs >= this.periodEndMs) {
      this.periodEndMs = nowMs + PERIOD_MS
      this.seen = 0
    }
    this.seen++
    if (this.seen <= WHOLE) return 1
    return this.seen % EVERY === 0 ? EVERY : 0
  }
}
