/** The wall clock may be set while the process runs: its distance to the monotonic clock is read again after this time. */
const OFFSET_HOLDS_MS = 100

/**
 * The clock of the data plane. It is read once per event of a socket or timer: an exchange asks for the time a dozen
 * times, and the answers need no more precision than that. The turn of the event loop reads it; see `Turn`.
 */
export class Clock {
  /** Monotonic milliseconds at the beginning of the current event. */
  nowMs: number = performance.now()
  private wallOffsetMs = 0
  private offsetReadAtMs = Number.NEGATIVE_INFINITY
  private date: Buffer = Buffer.alloc(0)
  private dateSecond = -1

  /** Reads the time for the event that begins. */
  read(): void {
    this.nowMs = performance.now()
  }

  /** A monotonic time as milliseconds since 1970. */
  wallMs(monotonicMs: number): number {
    if (this.nowMs - this.offsetReadAtMs > OFFSET_HOLDS_MS) {
      this.wallOffsetMs = Date.now() - performance.now()
      this.offsetReadAtMs = this.nowMs
    }
    return monotonicMs + this.wallOffsetMs
  }

  /** The `Date` field for this second, with its line end (RFC 9110 §6.6.1). */
  dateLine(): Buffer {
    const second = Math.floor(Date.now() / 1000)
    if (second !== this.dateSecond) {
      this.dateSecond = second
      this.date = Buffer.from(`Date: ${new Date(second * 1000).toUTCString()}\r\n`)
    }
    return this.date
  }
}
