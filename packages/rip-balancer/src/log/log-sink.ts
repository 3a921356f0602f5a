/** Where finished lines go; must not block. @returns a promise when it is busy until then */
export interface LogSink {
  write(text: string): Promise<unknown> | void
}

/** Only the beginning was written; the cause says why. */
export class PartialWrite extends Error {
  readonly bytesWritten: number

  constructor(bytesWritten: number, cause: Error) {
    super(cause.message, { cause })
    this.bytesWritten = bytesWritten
  }
}

/** A sink that takes bytes, which are used again when it is done with them. */
export interface BlockSink {
  /** Rejects with `PartialWrite` where it is known how much was written. */
  writeBlocks(blocks: readonly Uint8Array[]): Promise<unknown> | void
  /** What it writes to is opened again, for log rotation. */
  reopen?(): Promise<void>
  close?(): Promise<void>
}

/** Hands lines to a sink of texts. */
export class TextBlocks implements BlockSink {
  private readonly sink: LogSink

  constructor(sink: LogSink) {
    this.sink = sink
  }

  writeBlocks(blocks: readonly Uint8Array[]): Promise<unknown> | void {
    return this.sink.write(Buffer.concat(blocks).toString())
  }
}
