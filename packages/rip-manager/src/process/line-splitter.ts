/** Turns chunks of bytes into whole lines, without their line ends. */
export class LineSplitter {
  readonly #decoder = new TextDecoder()
  readonly #maxLineChars: number
  readonly #onLine: (line: string) => void
  #rest = ''

  /** A line longer than `maxLineChars` is handed out in pieces, so that a process cannot make us hold it all. */
  constructor(maxLineChars: number, onLine: (line: string) => void) {
    this.#maxLineChars = maxLineChars
    this.#onLine = onLine
  }

  push(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#emit(line.endsWith('\r') ? line.slice(0, -1) : line)
    while (this.#rest.length > this.#maxLineChars) {
      this.#onLine(this.#rest.slice(0, this.#maxLineChars))
      this.#rest = this.#rest.slice(this.#maxLineChars)
    }
  }

  /** Hands out what is left when the stream ended without a line end. */
  end(): void {
    const last = this.#rest + this.#decoder.decode()
    this.#rest = ''
    if (last !== '') this.#emit(last)
  }

  #emit(line: string): void {
    let from = 0
    do {
      this.#onLine(line.slice(from, from + this.#maxLineChars))
      from += this.#maxLineChars
    } while (from < line.length)
  }
}
