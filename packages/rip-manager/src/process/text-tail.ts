/** The last lines of a stream, within a bound of bytes. */
export class TextTail {
  readonly #maxBytes: number
  readonly #lines: string[] = []
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  push(line: string): void {
    this.#lines.push(line)
    this.#bytes += Buffer.byteLength(line) + 1
    while (this.#bytes > this.#maxBytes && this.#lines.length > 0) {
      this.#bytes -= Buffer.byteLength(this.#lines.shift() ?? '') + 1
    }
  }

  toString(): string {
    return this.#lines.map((line) => `${line}\n`).join('')
  }
}
