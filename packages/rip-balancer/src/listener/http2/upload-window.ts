import { BufferShare, type BufferBudget } from '../../exchange/buffer-budget.ts'

/** What may be under way of a request at first, on each stream. */
export const STREAM_WINDOW_BYTES: number = 64 * 1024
/**
 * What may be under way of one that comes fast. A client sends no more than that in the time in which a byte goes to the server
 * and word of it comes back: 64 KiB in 50 ms are no more than 1.3 MB/s, on the best of lines.
 */
const FAST_WINDOW_BYTES = 1024 * 1024
/** By how much it grows each time. */
const GROWTH = 4
/** A client that needs longer for a window is not held up by it. */
const FAST_MS = 1_000
/**
 * So much of a large window is given back at a time: a client that sends while it waits for more is not held up. Clients such as curl
 * 7.88 wait for a second when their window is used up and nothing follows the word that it is larger.
 */
export const GIVE_BACK_BYTES: number = 64 * 1024
/** The other half of the buffers is left for what slow clients keep waiting. */
const BUFFERS_PART = 0.5

/** How much of a request may be under way to us, and is kept if its backend does not take it. One object serves one request after the other. */
export class UploadWindow {
  private readonly share: BufferShare
  private bytes = STREAM_WINDOW_BYTES
  /** What had come of the request, and when, before the window that is looked at. */
  private receivedBefore = 0
  private sinceMs: number

  /** For a request that begins, or has just begun. @param nowMs monotonic */
  constructor(buffers: BufferBudget, nowMs: number) {
    this.share = new BufferShare(buffers)
    this.sinceMs = nowMs
  }

  /** Another request begins. @param nowMs monotonic */
  begin(nowMs: number): void {
    this.bytes = STREAM_WINDOW_BYTES
    this.receivedBefore = 0
    this.sinceMs = nowMs
  }

  /**
   * Some of it was used, and has been taken by the backend.
   *
   * @param received bytes that came altogether
   * @param remaining bytes that are still to come
   * @param nowMs monotonic
   * @returns by how much it grows: when all of it was used within a time
   */
  used(received: number, remaining: number, nowMs: number): number {
    if (received - this.receivedBefore < this.bytes) return 0
    const tookMs = nowMs - this.sinceMs
    this.receivedBefore = received
    this.sinceMs = nowMs
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
