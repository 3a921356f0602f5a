/** Data of a request that its exchange does not want yet, copied from the chunks it came in: at most a window of it. */
export class HeldData {
  /** Made when something has to be held; most requests end with their heads. */
  private runs: Buffer[] | undefined

  get isEmpty(): boolean {
    return this.runs === undefined || this.runs.length === 0
  }

  add(bytes: Buffer, from: number, to: number): void {
    this.runs ??= []
    this.runs.push(Buffer.from(bytes.subarray(from, to)))
  }

  /** The first run, which is not held any more. Only while there is one. */
  take(): Buffer {
    return this.runs!.shift()!
  }

  clear(): void {
    this.runs = undefined
  }
}
