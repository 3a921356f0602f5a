/** Buffers of one size that are used again and again: memory that is new each time has to be mapped, page by page. */
export class SpareBuffers {
  readonly bytes: number
  private readonly max: number
  private readonly spare: Buffer[] = []
  private made = 0

  /** @param bytes of each buffer @param max how many of them there are at most */
  constructor(bytes: number, max: number) {
    this.bytes = bytes
    this.max = max
  }

  /** @returns `undefined` when all of them are in use */
  take(): Buffer | undefined {
    return this.spare.pop() ?? this.make()
  }

  /** Takes back what `take` has returned. */
  giveBack(buffer: Buffer): void {
    this.spare.push(buffer)
  }

  private make(): Buffer | undefined {
    if (this.made === this.max) return undefined
    this.made++
    return Buffer.allocUnsafeSlow(this.bytes)
  }
}
