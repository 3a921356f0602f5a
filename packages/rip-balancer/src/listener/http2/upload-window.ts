import { BufferShare, type BufferBudget } from '../../exchange/buffer-budget.ts'

/** What may be under way of a request at first, on each stream. */
export const STREAM_WINDOW_BYTES: number = 64 * 1024
/**
 * What may be under way of one that comes fast. A client sends no more than that in the time in which a byte goes to the server
 * and word of it comes back: 64 KiB in 50 ms are no more than 1.3 MB/s, on the best of lines.
 */
const FAST_WINDOW_BYTES = 1024 * 1024
/** By how much it grows each time that half of it was used. */
const GROWTH = 4
/** A client that needs longer for half of the window is not held up by it. */
const FAST_MS = 1_000
/** The other half of the buffers is left for what slow clients keep waiting. */
const BUFFERS_PART = 0.5

/** How much of a request may be under way to us, and is kept if its backend does not take it. One object serves one request after the other. */
export class UploadWindow {
  private readonly share: BufferShare
  private bytes = STREAM_WINDOW_BYTES
  /** When half of it had been used for the last time. */
  private usedAt = Number.NEGATIVE_INFINITY

  constructor(buffers: BufferBudget) {
    this.share = new BufferShare(buffers)
  }

  /** A request begins. */
  begin(): void {
    this.bytes = STREAM_WINDOW_BYTES
    this.usedAt = Number.NEGATIVE_INFINITY
  }

  /**
   * Half of it was used, and has been taken by the backend.
   *
   * @param remaining bytes that are still to come
   * @param nowMs monotonic
   * @returns by how much it grows: not at the first time
   */
  halfUsed(remaining: number, nowMs: number): number {
    const tookMs = nowMs - this.usedAt
    this.usedAt = nowMs
    if (tookMs > FAST_MS || remaining <= this.bytes || this.bytes >= FAST_WINDOW_BYTES) return 0
    const next = this.bytes * GROWTH
    if (!this.share.growTo(next - STREAM_WINDOW_BYTES, BUFFERS_PART)) return 0
    const more = next - this.bytes
    this.bytes = next
    return more
  }

  /** Nothing of the request is kept any more. */
  free(): void {
    this.share.free()
  }
}
