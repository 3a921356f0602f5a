/**
 * Watches that a peer moves bytes fast enough while it is waited for. It is judged window by window, so that no early
 * haste pays for idling later.
 */
export class RateWatch {
  private waitedMs = 0
  private from = 0
  private paused: boolean

  /** @param paused its first window begins when it is asked about */
  constructor(paused: boolean) {
    this.paused = paused
  }

  /** @param moved bytes the peer has moved so far */
  private begin(moved: number): void {
    this.waitedMs = 0
    this.from = moved
    this.paused = false
  }

  /** The peer is not waited for: its next window begins when it is asked about again. */
  pause(): void {
    this.paused = true
  }

  /**
   * Asked again and again while the peer could move bytes: other time does not count against it.
   *
   * @param elapsedMs since it was last asked
   * @param windowMs time the peer gets to show its speed
   */
  isTooSlow(elapsedMs: number, moved: number, minBytesPerSecond: number, windowMs: number): boolean {
    if (this.paused) this.begin(moved)
    else this.waitedMs += elapsedMs
    if (this.waitedMs < windowMs) return false
    const isSlow = (moved - this.from) * 1000 < minBytesPerSecond * this.waitedMs
    if (!isSlow) this.begin(moved)
    return isSlow
  }
}
