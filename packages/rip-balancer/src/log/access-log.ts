import type { ExchangeRecord } from '../exchange/record.ts'
import { jsonLossLine, writeJsonLine } from './json-line.ts'
import { LineWriter } from './line-writer.ts'
import type { BlockSink } from './log-sink.ts'
import { textLossLine, writeTextLine } from './text-line.ts'

export type AccessLogFormat = 'none' | 'text' | 'json'

/** How an exchange, and a loss, are told in one format. */
interface LineFormat {
  write(record: ExchangeRecord, out: LineWriter): void
  loss(lost: number): string
}

const FORMATS: Readonly<Record<Exclude<AccessLogFormat, 'none'>, LineFormat>> = {
  text: { write: writeTextLine, loss: textLossLine },
  json: { write: writeJsonLine, loss: jsonLossLine },
}

/** Lines are collected for this long before they are written. */
const FLUSH_MS = 100
/** More waiting for a slow disk: lines are dropped and counted. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024

/**
 * One line per finished exchange. Lines are collected and written in the background, one write at a time; when
 * the sink cannot keep up or fails, lines are dropped and the next line that gets through says how many.
 */
export class AccessLog implements AsyncDisposable {
  /** Lines that were lost so far. */
  dropped = 0
  /** Of these, how many the log itself has told. */
  private told = 0
  private readonly sink: BlockSink
  private readonly format: LineFormat
  private readonly lines = new LineWriter()
  private waitingLines = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private writing: Promise<void> | undefined
  private closed = false

  constructor(format: Exclude<AccessLogFormat, 'none'>, sink: BlockSink) {
    this.sink = sink
    this.format = FORMATS[format]
  }

  ended(record: ExchangeRecord): void {
    if (this.closed || this.lines.length > MAX_WAITING_BYTES) return void this.dropped++
    this.format.write(record, this.lines)
    this.waitingLines++
    this.timer ??= setTimeout(() => this.flush(), FLUSH_MS)
  }

  /** What the lines go to is opened again, for log rotation. */
  async reopen(): Promise<void> {
    await this.sink.reopen?.()
  }

  /** Writes what waits, and closes what it goes to; resolves when it was written or given up. */
  async close(): Promise<void> {
    this.closed = true
    clearTimeout(this.timer)
    await this.writing
    await this.write()
    await this.sink.close?.()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private flush(): void {
    this.timer = undefined
    if (this.writing !== undefined) return
    this.writing = this.write().finally(() => {
      this.writing = undefined
      if (this.waitingLines > 0 && !this.closed) this.timer ??= setTimeout(() => this.flush(), FLUSH_MS)
    })
  }

  private async write(): Promise<void> {
    if (this.waitingLines === 0) return
    const { waitingLines, dropped } = this
    const blocks = this.lines.take()
    this.waitingLines = 0
    try {
      await this.sink.writeBlocks([...this.lossSince(dropped), ...blocks])
      this.told = dropped
    } catch {
      // Disk full, pipe closed: losing log lines is better than losing requests.
      this.dropped += waitingLines
    }
    for (const block of blocks) this.lines.reuse(block)
  }

  /** A line about lines that are missing before the next one. */
  private lossSince(dropped: number): readonly Uint8Array[] {
    const lost = dropped - this.told
    return lost === 0 ? [] : [Buffer.from(this.format.loss(lost))]
  }
}
