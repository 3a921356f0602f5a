interface Line {
  readonly text: string
  readonly atMs: number
}

/** The last lines of a stream, within a bound of bytes. */
export class TextTail {
  readonly #maxBytes: number
  readonly #nowMs: () => number
  #lines: Line[] = []
  #bytes = 0

  /** @param nowMs a clock that only goes forward */
  constructor(maxBytes: number, nowMs: () => number = () => performance.now()) {
    this.#maxBytes = maxBytes
    this.#nowMs = nowMs
  }

  push(line: string): void {
    this.#lines.push({ text: line, atMs: this.#nowMs() })
    this.#bytes += Buffer.byteLength(line) + 1
    while (this.#bytes > this.#maxBytes && this.#lines.length > 0) {
      this.#bytes -= Buffer.byteLength(this.#lines.shift()?.text ?? '') + 1
    }
  }

  /** Forgets what is older than so many milliseconds. Nothing is pushed any more. */
  keepLatest(ms: number): void {
    const fromMs = this.#nowMs() - ms
    this.#lines = this.#lines.filter(({ atMs }) => atMs >= fromMs)
  }

  toString(): string {
    return this.#lines.map(({ text }) => `${text}\n`).join('')
  }
}
