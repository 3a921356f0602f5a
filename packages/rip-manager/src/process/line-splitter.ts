const LINE_FEED = 10
const FIRST_CAPACITY_BYTES = 1_024

/** `continues`: the line was too long, and the next piece of this stream goes on with it. */
export type OnLine = (bytes: Uint8Array, continues: boolean) => void

/** Turns chunks of bytes into whole lines, without their line feeds. */
export class LineSplitter {
  readonly #maxLineBytes: number
  readonly #onLine: OnLine
  /** Beginning of a line whose end has not come yet. */
  #held: Uint8Array = new Uint8Array(0)
  #heldBytes = 0

  /** A line longer than `maxLineBytes` is handed out in pieces, so that a process cannot make us hold it all. */
  constructor(maxLineBytes: number, onLine: OnLine) {
    this.#maxLineBytes = maxLineBytes
    this.#onLine = onLine
  }

  push(chunk: Uint8Array): void {
    let from = 0
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      this.#emit(chunk.subarray(from, at))
      from = at + 1
    }
    this.#hold(this.#emitPieces(chunk.subarray(from)))
  }

  /** Passes on the rest when the stream ended without a line feed. */
  end(): void {
    if (this.#heldBytes > 0) this.#emit(new Uint8Array(0))
  }

  #emit(last: Uint8Array): void {
    this.#onLine(this.#joined(this.#emitPieces(last)), false)
  }

  /** Hands out pieces for as long as the line is too long; returns what is not handed out of `more`. */
  #emitPieces(more: Uint8Array): Uint8Array {
    if (this.#heldBytes + more.length <= this.#maxLineBytes) return more
    let line = this.#joined(more)
    while (line.length > this.#maxLineBytes) {
      const end = characterEnd(line, this.#maxLineBytes)
      this.#onLine(line.subarray(0, end), true)
      line = line.subarray(end)
    }
    return line
  }

  /** What is held with `more` after it; nothing is held then. */
  #joined(more: Uint8Array): Uint8Array {
    if (this.#heldBytes === 0) return more
    const held = this.#held.subarray(0, this.#heldBytes)
    this.#heldBytes = 0
    return Buffer.concat([held, more])
  }

  /** Copies the rest, because the chunk may be far larger. */
  #hold(bytes: Uint8Array): void {
    const size = this.#heldBytes + bytes.length
    if (size > this.#held.length) this.#grow(size)
    this.#held.set(bytes, this.#heldBytes)
    this.#heldBytes = size
  }

  #grow(size: number): void {
    const larger = new Uint8Array(Math.max(size, FIRST_CAPACITY_BYTES, 2 * this.#held.length))
    larger.set(this.#held.subarray(0, this.#heldBytes))
    this.#held = larger
  }
}

/** The last end of a UTF-8 character at or before `end`; `end` itself where the bytes are no UTF-8. */
function characterEnd(bytes: Uint8Array, end: number): number {
  for (let at = end; at > Math.max(0, end - 4); at -= 1) {
    if ((bytes[at]! & 0b1100_0000) !== 0b1000_0000) return at
  }
  return end
}
