import type { Clock } from '../transport/clock.ts'
import { ERROR } from './error-code.ts'
import type { FrameOutput } from './frame-output.ts'
import { FRAME, MAX_31_BITS, PING_BYTES } from './frame-type.ts'

/** After the first GOAWAY a client has so long to hear of it: requests it sends meanwhile are taken. */
const LAST_GOAWAY_DELAY_MS = 1_000

const GOAWAY_BYTES = 8
/** A client that answers it has read the first GOAWAY. */
const PING_PAYLOAD: Buffer = Buffer.alloc(PING_BYTES)

/**
 * Whether a connection begins nothing new, and how its peer is told (RFC 9113 §6.8). A client is told twice: the first GOAWAY
 * announces the end, the last one says which of its streams were taken.
 */
export class GoingAway {
  /** One side has said that nothing new begins. */
  hasBegun = false
  /** Streams of the client above it are ignored. */
  lastTakenId: number = MAX_31_BITS
  private readonly output: FrameOutput
  private readonly clock: Clock
  /** `Infinity` when the last GOAWAY was sent, or is not wanted. */
  private lastDueAt = Number.POSITIVE_INFINITY
  /** What the client is told when all is done, as it is its doing that nothing new begins. */
  private cause: number = ERROR.none

  constructor(output: FrameOutput, clock: Clock) {
    this.output = output
    this.clock = clock
  }

  /** Whether the last GOAWAY is still to be sent. */
  get isAnnounced(): boolean {
    return this.lastDueAt !== Number.POSITIVE_INFINITY
  }

  /** @param now monotonic milliseconds */
  isLastDue(now: number): boolean {
    return now >= this.lastDueAt
  }

  /** The peer has said it. @returns whether that is news */
  heard(): boolean {
    const isNews = !this.hasBegun
    this.hasBegun = true
    return isNews
  }

  /** Tells a client for the first time. */
  announce(): void {
    this.hasBegun = true
    this.write(MAX_31_BITS, ERROR.none)
    this.output.write(FRAME.ping, 0, 0, PING_PAYLOAD, 0, PING_PAYLOAD.length)
    this.lastDueAt = this.clock.nowMs + LAST_GOAWAY_DELAY_MS
  }

  /** Tells the peer for the last time. @param lastTakenId the highest of its streams that was taken */
  tellLast(lastTakenId: number): void {
    this.hasBegun = true
    this.lastDueAt = Number.POSITIVE_INFINITY
    this.lastTakenId = lastTakenId
    this.write(lastTakenId, ERROR.none)
  }

  /**
   * Takes nothing more of a client because of what it did. It hears of that when all it has is answered: clients give up everything
   * at once when they are told of an error, as `node:http2` does.
   */
  giveUp(lastTakenId: number, cause: number): void {
    this.tellLast(lastTakenId)
    this.cause = cause
  }

  /** All is answered. */
  tellCause(): void {
    if (this.cause === ERROR.none) return
    this.write(this.lastTakenId, this.cause)
    this.cause = ERROR.none
  }

  /** Sends a GOAWAY frame. @param code see `ERROR` */
  write(lastStream: number, code: number): void {
    const payload = Buffer.alloc(GOAWAY_BYTES)
    payload.writeUInt32BE(lastStream, 0)
    payload.writeUInt32BE(code, 4)
    this.output.write(FRAME.goAway, 0, 0, payload, 0, payload.length)
  }
}
