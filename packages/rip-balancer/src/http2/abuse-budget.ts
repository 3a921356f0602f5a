import type { Clock } from '../transport/clock.ts'

/** How a peer can cost more than it brings. */
export type Abuse = 'resets' | 'control-frames' | 'unread-answers'

export const ABUSE_REASONS: Readonly<Record<Abuse, string>> = {
  resets: 'more streams were reset than is usual',
  'control-frames': 'more frames that carry nothing than are usual',
  'unread-answers': 'answers to PING and SETTINGS are not read',
}

/** Bounds of what a peer may do on one connection without making progress. */
export interface AbuseLimits {
  /**
   * Streams that end early, by either side's reset, beyond those that were completed; as many more in a minute. Ten times as
   * many if they had been open for 20 ms, and any number of those whose response was being read.
   */
  readonly maxResets: number
  /** Frames that carry nothing, beyond those that belong to messages; a tenth of them more in a second. */
  readonly maxControlFrames: number
  /** Answers to its frames that it does not read. */
  readonly maxUnreadBytes: number
}

export const DEFAULT_ABUSE_LIMITS: AbuseLimits = {
  maxResets: 100,
  maxControlFrames: 1_000,
  maxUnreadBytes: 64 * 1024,
}

/** A peer that sends and reads data in the usual way sends at most one control frame for so many bytes. */
const BYTES_PER_CONTROL_FRAME = 512
/**
 * However short a message is, some peers measure the connection at it, as gRPC does: WINDOW_UPDATE for the stream and for
 * the connection, a PING, and the answer to one.
 */
const CONTROL_FRAMES_PER_MESSAGE = 4
const FRAMES_REFILL_MS = 10_000
const RESETS_REFILL_MS = 60_000
/** Pages cancel what they have waited for in vain; an attack by resets does not wait, as that would bound it. */
const AT_ONCE_MS = 20
/** What such a cancellation costs of a reset. */
const CANCELLATION = 0.1
/** So many completed streams can be saved up for resets that follow. */
const SAVED_RESETS = 1_000

/**
 * What a peer may still do: reset streams (CVE-2023-44487, CVE-2025-8671), and send frames that carry nothing
 * (CVE-2019-9511 to 9518). Streams that are completed, data in either direction, and time add to it.
 */
export class AbuseBudget {
  private readonly limits: AbuseLimits
  private readonly clock: Clock
  private resets: number
  private frames: number
  private refilledAt: number
  /** Of answers, since the peer last read everything. */
  private unreadBytes = 0

  constructor(limits: AbuseLimits, clock: Clock) {
    this.limits = limits
    this.clock = clock
    this.resets = limits.maxResets
    this.frames = limits.maxControlFrames
    this.refilledAt = clock.nowMs
  }

  /** A stream was completed, which takes a message of each side. */
  completed(): void {
    if (this.resets < SAVED_RESETS) this.resets++
    this.earn(2 * CONTROL_FRAMES_PER_MESSAGE)
  }

  /** Data was sent or received: a part of a message, as long as a window allowed. */
  moved(bytes: number): void {
    this.earn(bytes / BYTES_PER_CONTROL_FRAME)
  }

  /** Data was sent or received in a frame of the length its sender chose: it may be a whole message. */
  movedMessage(bytes: number): void {
    this.earn(Math.max(CONTROL_FRAMES_PER_MESSAGE, bytes / BYTES_PER_CONTROL_FRAME))
  }

  /** A stream ended early. @returns whether that is bearable */
  reset(): boolean {
    return this.spend(1)
  }

  /**
   * The peer wants no response to a request any more, and has got nothing of one.
   *
   * @param openForMs since the request began @returns whether that is bearable
   */
  cancelled(openForMs: number): boolean {
    return this.spend(openForMs < AT_ONCE_MS ? 1 : CANCELLATION)
  }

  /** A frame came that carries nothing. @returns whether that is bearable */
  controlFrame(): boolean {
    if (--this.frames >= 0) return true
    this.refill()
    return this.frames >= 0
  }

  /** An answer was added to others that the peer has not read. @returns whether that is bearable */
  answered(bytes: number): boolean {
    this.unreadBytes += bytes
    return this.unreadBytes <= this.limits.maxUnreadBytes
  }

  /** The peer has read everything. */
  answersRead(): void {
    this.unreadBytes = 0
  }

  private spend(resets: number): boolean {
    this.resets -= resets
    if (this.resets >= 0) return true
    this.refill()
    return this.resets >= 0
  }

  private earn(frames: number): void {
    this.frames = Math.min(this.limits.maxControlFrames, this.frames + frames)
  }

  private refill(): void {
    const { maxControlFrames, maxResets } = this.limits
    const passedMs = this.clock.nowMs - this.refilledAt
    this.refilledAt = this.clock.nowMs
    this.earn((maxControlFrames * passedMs) / FRAMES_REFILL_MS)
    const resets = this.resets + (maxResets * passedMs) / RESETS_REFILL_MS
    this.resets = Math.max(this.resets, Math.min(maxResets, resets))
  }
}
