/** Small frames are sent together, as far as this. */
const BATCH_BYTES = 65_536

/** Takes bytes, and returns how many of them it took; the rest has to be offered again. */
export type Write = (bytes: Uint8Array) => number

export interface OutboxEvents {
  /** The first frame was dropped, because the reader is too slow. */
  readonly onFull?: () => void
  /** The reader has caught up; so many frames were dropped meanwhile. */
  readonly onCaughtUp?: (dropped: number) => void
  /** The reader is gone, and has never caught up; so many frames were dropped since. */
  readonly onAbandoned?: (dropped: number) => void
}

/**
 * Frames for one reader, in order, each at most once. Takes no more than `maxBytes`: a frame for which there is no room
 * is dropped and counted, and its publisher goes on.
 */
export class Outbox {
  readonly #maxBytes: number
  readonly #events: OutboxEvents
  #frames: Uint8Array[] = []
  /** The first of `#frames` that has not been sent whole. */
  #at = 0
  /** Bytes of that frame that were sent. */
  #sentOfFirst = 0
  #bytes = 0
  #dropped = 0
  #droppedLately = 0

  constructor(maxBytes: number, events: OutboxEvents = {}) {
    this.#maxBytes = maxBytes
    this.#events = events
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes
  }

  /** Frames dropped so far. */
  get dropped(): number {
    return this.#dropped
  }

  /** Frames of which the reader has not got the whole. */
  get waiting(): number {
    return this.#frames.length - this.#at
  }

  /** Returns false when the frame was dropped. */
  offer(frame: Uint8Array): boolean {
    if (this.#bytes + frame.byteLength > this.#maxBytes) return this.#drop()
    this.#frames.push(frame)
    this.#bytes += frame.byteLength
    return true
  }

  /** Sends as much as the writer takes. */
  flush(write: Write): void {
    while (this.#bytes > 0) {
      const batch = this.#batch()
      const sent = Math.max(0, write(batch))
      this.#advance(sent)
      if (sent < batch.byteLength) return
    }
    this.#caughtUp()
  }

  /** The reader is gone: what waits counts as dropped. */
  abandon(): void {
    const { waiting } = this
    const dropped = this.#droppedLately
    this.#dropped += waiting
    this.#droppedLately = 0
    this.#frames = []
    this.#at = 0
    this.#bytes = 0
    if (dropped > 0) this.#events.onAbandoned?.(dropped + waiting)
  }

  #drop(): false {
    this.#dropped++
    this.#droppedLately++
    if (this.#droppedLately === 1) this.#events.onFull?.()
    return false
  }

  #caughtUp(): void {
    const dropped = this.#droppedLately
    this.#droppedLately = 0
    if (dropped > 0) this.#events.onCaughtUp?.(dropped)
  }

  /** The bytes to send next: one frame, or small ones together. */
  #batch(): Uint8Array {
    const first = this.#frames[this.#at]!.subarray(this.#sentOfFirst)
    const batch = [first]
    let bytes = first.byteLength
    for (let next = this.#at + 1; next < this.#frames.length; next++) {
      const frame = this.#frames[next]!
      bytes += frame.byteLength
      if (bytes > BATCH_BYTES) break
      batch.push(frame)
    }
    return batch.length === 1 ? first : Buffer.concat(batch)
  }

  #advance(sent: number): void {
    this.#bytes -= sent
    let left = this.#sentOfFirst + sent
    while (this.#at < this.#frames.length && left >= this.#frames[this.#at]!.byteLength) {
      left -= this.#frames[this.#at]!.byteLength
      this.#at++
    }
    this.#sentOfFirst = left
    this.#compact()
  }

  /** Lets go of frames that were sent; not each time, since moving the rest costs as much as there is. */
  #compact(): void {
    if (this.#at < this.#frames.length / 2) return
    this.#frames.splice(0, this.#at)
    this.#at = 0
  }
}
