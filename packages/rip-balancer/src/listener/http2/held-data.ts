/** Data of a request that its exchange does not want yet, copied from the chunks it came in: at most a window of it. */
export class HeldData {
  private readonly runs: Buffer[] = []

  get isEmpty(): boolean {
    return this.runs.length === 0
  }

  add(bytes: Buffer, from: number, to: number): void {
    this.runs.push(Buffer.from(bytes.subarray(from, to)))
  }

  /** The first run, which is not held any more. Only while there is one. */
  take(): Buffer {
    return this.runs.shift()!
  }
}
