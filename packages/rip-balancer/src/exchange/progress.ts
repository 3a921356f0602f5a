import { monotonicMs } from '../transport/clock.ts'
import type { Limits, Timeouts } from './settings.ts'

/** Time a client gets to show its speed before it is judged. */
const BODY_RATE_GRACE_MS = 10_000

/** Who moved last, and for how long the client was waited for; all time limits of an exchange are judged from this. */
export class Progress {
  private phaseSince = 0
  private clientAt = 0
  private backendAt = 0
  private tickedAt = 0
  private bodyWaitMs = 0
  private clientSent = 0

  begin(): void {
    this.bodyWaitMs = 0
    this.tickedAt = monotonicMs()
    this.enterPhase()
  }

  enterPhase(): void {
    this.phaseSince = this.clientAt = this.backendAt = monotonicMs()
  }

  clientMoved(): void {
    this.clientAt = monotonicMs()
  }

  backendMoved(): void {
    this.backendAt = monotonicMs()
  }

  /** @param clientSent bytes the client took so far. @returns milliseconds since the last tick */
  tick(now: number, clientSent: number): number {
    const elapsed = now - this.tickedAt
    this.tickedAt = now
    if (clientSent !== this.clientSent) this.clientAt = now
    this.clientSent = clientSent
    return elapsed
  }

  inPhaseMs(now: number): number {
    return now - this.phaseSince
  }

  clientSilentMs(now: number): number {
    return now - this.clientAt
  }

  backendSilentMs(now: number): number {
    return now - this.backendAt
  }

  /** Silence of both. */
  silentMs(now: number): number {
    return now - Math.max(this.clientAt, this.backendAt)
  }

  /** Asked only while the client could send: other time does not count against it. @param elapsed since the last tick */
  isBodyTooSlow(now: number, elapsed: number, received: number, timeouts: Timeouts, limits: Limits): boolean {
    this.bodyWaitMs += elapsed
    if (this.clientSilentMs(now) > timeouts.bodyIdleMs) return true
    if (this.bodyWaitMs < BODY_RATE_GRACE_MS) return false
    return (received * 1000) / this.bodyWaitMs < limits.minBodyBytesPerSecond
  }
}
