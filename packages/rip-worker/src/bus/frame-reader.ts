const LENGTH_BYTES = 4

/**
 * Puts frames together again, however the bytes arrive: a length of four bytes, big-endian, and that many bytes. Keeps
 * only bytes that have arrived, at most one unfinished frame of them.
 */
export class FrameReader {
  #parts: Uint8Array[] = []
  #bytes = 0
  #broken = false

  /** A longer frame ends the reading; may be changed between frames. */
  maxBytes: number

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** Bytes kept of a frame that is not complete. */
  get pendingBytes(): number {
    return this.#bytes
  }

  /**
   * Calls back with each frame that is complete with these bytes, in order; the frame is valid only during the call.
   * Returns false, for good, when a frame is longer than allowed.
   */
  push(bytes: Uint8Array, take: (frame: Uint8Array) => void): boolean {
    if (this.#broken) return false
    this.#keep(bytes)
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) take(frame)
    return !this.#broken
  }

  #next(): Uint8Array | undefined {
    if (this.#bytes < LENGTH_BYTES) return undefined
    const length = this.#peekLength()
    if (length > this.maxBytes) {
      this.#broken = true
      this.#parts = []
      this.#bytes = 0
      return undefined
    }
    if (this.#bytes < LENGTH_BYTES + length) return undefined
    const whole = this.#whole()
    this.#parts = []
    this.#bytes = 0
    this.#keep(whole.subarray(LENGTH_BYTES + length))
    return whole.subarray(LENGTH_BYTES, LENGTH_BYTES + length)
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return
    this.#parts.push(bytes)
    this.#bytes += bytes.byteLength
  }

  #peekLength(): number {
    const head = this.#parts[0]!.byteLength >= LENGTH_BYTES ? this.#parts[0]! : this.#whole()
    return new DataView(head.buffer, head.byteOffset).getUint32(0)
  }

  #whole(): Uint8Array {
    if (this.#parts.length === 1) return this.#parts[0]!
    const whole = Buffer.concat(this.#parts)
    this.#parts = [whole]
    return whole
  }
}

/** The bytes as one frame. */
export function frameOf(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(LENGTH_BYTES + body.byteLength)
  new DataView(frame.buffer).setUint32(0, body.byteLength)
  frame.set(body, LENGTH_BYTES)
  return frame
}
