import { MAX_31_BITS } from './frame-type.ts'

/**
 * How many bytes of DATA the peer may send, on a stream or on the connection (RFC 9113 §6.9). What was read is given back
 * with a WINDOW_UPDATE when it is half of the window, or as much as was said.
 */
export class ReceiveWindow {
  /** Nothing is given back for now. */
  isPaused = false
  /** What the peer may send now. */
  private left: number
  /** What was read, and not given back. */
  private owed = 0
  private size: number
  private mostOwed = MAX_31_BITS

  /** @param bytes what the peer may send at first. @param size up to which it is given back */
  constructor(bytes: number, size: number = bytes) {
    this.left = bytes
    this.size = size
    this.owed = Math.max(0, size - bytes)
  }

  /** Takes the payload of a DATA frame, padding included. @returns whether the peer was allowed to send it */
  take(bytes: number): boolean {
    this.left -= bytes
    return this.left >= 0
  }

  /** Bytes that were taken have been read. */
  read(bytes: number): void {
    this.owed += bytes
  }

  /** Whether so much of it was read that giving it back is worth a frame. */
  get isDue(): boolean {
    return this.owed >= this.mostOwed || this.owed * 2 >= this.size
  }

  /** From now on so many bytes are given back although they are less than half of it. */
  giveBackFrom(bytes: number): void {
    this.mostOwed = bytes
  }

  /** From now on so much more may be under way. */
  grow(bytes: number): void {
    this.size += bytes
    this.owed += bytes
  }

  /** @returns by how much the peer's window grows now; 0 while it is not worth a frame */
  giveBack(): number {
    if (!this.isDue) return 0
    const bytes = this.owed
    this.left += bytes
    this.owed = 0
    return bytes
  }

  /** Our SETTINGS have changed the initial window of all streams (§6.9.2). @param bytes by how much, which may be negative */
  resize(bytes: number): void {
    this.left += bytes
    this.size += bytes
  }
}
