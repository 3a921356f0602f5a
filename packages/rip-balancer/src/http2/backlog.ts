/** What a stream was given to send that neither the windows nor the kernel have taken: made when there is something. */
export class Backlog {
  /** Bytes that wait. */
  bytes = 0
  /** What is kept is the end of the message. */
  endsMessage = false
  /** The header block that ends it, if there is one. */
  trailers: Buffer | undefined
  /** Where the first piece goes on. */
  offset = 0
  private readonly pieces: Buffer[] = []

  /** The piece that is sent next. */
  get first(): Buffer {
    return this.pieces[0]!
  }

  /** Keeps a copy of `bytes[from, to)`. */
  add(bytes: Buffer, from: number, to: number): void {
    this.pieces.push(Buffer.from(bytes.subarray(from, to)))
    this.bytes += to - from
  }

  /** The first piece was sent up to `at`. */
  sent(at: number): void {
    this.bytes -= at - this.offset
    this.offset = at
    if (at < this.first.length) return
    this.pieces.shift()
    this.offset = 0
  }
}
