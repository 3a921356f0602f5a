import type { Clock } from '../transport/clock.ts'
import { Lag } from './lag.ts'
import { RateWatch } from './rate-watch.ts'
import type { Limits } from '../settings/limits.ts'
import type { Timeouts } from '../settings/timeouts.ts'

/** Time a client gets to show its speed. */
const RATE_WINDOW_MS = 10_000
/** The same time for a client that occupies a place at a backend, or buffers, which other requests wait for. */
const CROWDED_WINDOW_MS = 5_000

/** When client and backend last moved a byte, and for how long the client was waited for: what the time limits of an exchange are judged by. */
export class Progress {
  private readonly clock: Clock
  private phaseSince = 0
  private clientAt = 0
  private backendAt = 0
  private tickedAt = 0
  private elapsedMs = 0
  private taken = 0
  /** These are made when a tick finds that the client is waited for, which is seldom: other requests need no memory for them. */
  private upload: RateWatch | undefined = undefined
  private download: RateWatch | undefined = undefined
  private lag: Lag | undefined = undefined

  constructor(clock: Clock) {
    this.clock = clock
  }

  begin(): void {
    this.upload = this.download = undefined
    this.lag = undefined
    this.tickedAt = this.clock.nowMs
    this.enterPhase()
  }

  enterPhase(): void {
    this.phaseSince = this.clientAt = this.backendAt = this.clock.nowMs
  }

  clientMoved(): void {
    this.clientAt = this.clock.nowMs
  }

  backendMoved(): void {
    this.backendAt = this.clock.nowMs
  }

  /** @param taken bytes the client took so far */
  tick(now: number, taken: number): void {
    this.elapsedMs = now - this.tickedAt
    this.tickedAt = now
    if (taken !== this.taken) this.clientAt = now
    this.taken = taken
  }

  /** Nothing waits for the client. */
  clientKeepsUp(): void {
    this.download?.pause()
  }

  /** How far the client is behind the pace expected of who keeps a backend waiting. */
  get lagMs(): number {
    return this.lag?.ms ?? 0
  }

  /** Told at each tick while a backend waits for the client. @param forMs for how long @param received bytes the client sent so far */
  keepsBackend(forMs: number, received: number, bytesPerSecond: number): void {
    this.lag ??= new Lag()
    this.lag.tick(Math.min(forMs, this.elapsedMs), received + this.taken, bytesPerSecond)
  }

  /** Told at each tick while none does. */
  keepsNoBackend(): void {
    this.lag?.pause()
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

  /** Asked at each tick while the client could send. @param crowded others wait for the place it occupies */
  isBodyTooSlow(
    now: number,
    received: number,
    timeouts: Timeouts,
    limits: Limits,
    crowded: boolean,
  ): boolean {
    if (this.clientSilentMs(now) > timeouts.bodyIdleMs) return true
    this.upload ??= new RateWatch(false)
    return this.upload.isTooSlow(this.elapsedMs, received, limits.minBodyBytesPerSecond, windowMs(crowded))
  }

  /** Asked at each tick while bytes wait for the client. @param crowded others wait for the place it occupies */
  isReadTooSlow(now: number, timeouts: Timeouts, limits: Limits, crowded: boolean): boolean {
    if (this.clientSilentMs(now) > timeouts.writeIdleMs) return true
    const { minResponseBytesPerSecond } = limits
    this.download ??= new RateWatch(true)
    return this.download.isTooSlow(this.elapsedMs, this.taken, minResponseBytesPerSecond, windowMs(crowded))
  }
}

const windowMs = (crowded: boolean): number => (crowded ? CROWDED_WINDOW_MS : RATE_WINDOW_MS)
