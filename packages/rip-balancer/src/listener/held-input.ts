/** Bytes a client sent that have not been taken: what one read brought, and seldom a little more. */
export class HeldInput {
  /** The client stopped sending. */
  hasEnded = false
  private chunk: Buffer | undefined
  private position = 0

  get isEmpty(): boolean {
    return this.chunk === undefined
  }

  /** Whether the client has said all it had to say, and all of it was taken. */
  get isExhausted(): boolean {
    return this.hasEnded && this.chunk === undefined
  }

  /** What is held, from `at` on. Only while it is not empty. */
  get bytes(): Buffer {
    return this.chunk!
  }

  get at(): number {
    return this.position
  }

  /** Adds what a read brought. */
  add(chunk: Buffer): void {
    this.chunk = this.chunk === undefined ? chunk : Buffer.concat([this.chunk.subarray(this.position), chunk])
    this.position = 0
  }

  /** The bytes in front of `at` were taken. */
  taken(at: number): void {
    if (at < this.chunk!.length) this.position = at
    else this.chunk = undefined
  }

  /** Holds bytes again that were taken out by `clear`, from `at` on. */
  putBack(bytes: Buffer, at: number): void {
    this.chunk = bytes
    this.position = at
  }

  clear(): void {
    this.chunk = undefined
  }
}
