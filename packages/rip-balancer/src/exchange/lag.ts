/** Time a client can be ahead, so that one that did well does not lose its exchange for a pause of some seconds. */
const MAX_LEAD_MS = 5_000

/**
 * How far a client is behind a pace while it is waited for: time counts against it, each byte makes up for the time it
 * may take at that pace. Unlike a rate over a window it can be asked at any moment, and compared. No client is ahead for
 * longer than it was waited for: what a peer's kernel swallows at first says nothing about its speed.
 */
export class Lag {
  /** Negative for a client that is ahead. */
  ms = 0
  private waitedMs = 0
  private moved = 0
  private running = false

  /** The client is not waited for: neither time nor bytes count. */
  pause(): void {
    this.running = false
  }

  /** @param elapsedMs time it was waited for since it was last told @param moved bytes it has moved so far */
  tick(elapsedMs: number, moved: number, bytesPerSecond: number): void {
    this.count(elapsedMs, this.running ? Math.max(0, moved - this.moved) : 0, bytesPerSecond)
    this.running = true
    this.moved = moved
  }

  private count(elapsedMs: number, bytes: number, bytesPerSecond: number): void {
    this.waitedMs += elapsedMs
    const maxLeadMs = Math.min(MAX_LEAD_MS, this.waitedMs)
    this.ms = Math.max(-maxLeadMs, this.ms + elapsedMs - (bytes * 1000) / bytesPerSecond)
  }
}
