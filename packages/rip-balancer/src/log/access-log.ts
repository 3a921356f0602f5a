import type { AccessLogFormat } from '../settings/access-log-format.ts'
import type { ExchangeRecord } from '../exchange/record.ts'
import { jsonLossLine, writeJsonLine } from './json-line.ts'
import { LineWriter } from './line-writer.ts'
import { LogLosses } from './log-losses.ts'
import { PartialWrite, type BlockSink } from './log-sink.ts'
import { textLossLine, writeTextLine } from './text-line.ts'
import { messageOf } from '../text/message-of.ts'

/** How an exchange, and a loss of lines, are written in one format. */
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
 * the sink cannot keep up or fails, lines are dropped: the operator is told at once, and the next line that
 * gets through says how many.
 */
export class AccessLog implements AsyncDisposable {
  /** Lines that were lost so far. */
  dropped = 0
  /** How many of these the log itself has reported. */
  private told = 0
  private readonly sink: BlockSink
  private readonly format: LineFormat
  private readonly losses: LogLosses
  private readonly lines = new LineWriter()
  private waitingLines = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private writing: Promise<void> | undefined
  private closed = false

  /**
   * @param tell called when lines begin to be lost, and when that is over
   * @param name name of the log in these messages
   */
  constructor(
    format: Exclude<AccessLogFormat, 'none'>,
    sink: BlockSink,
    tell: (message: string) => void = () => {},
    name = 'the access log',
  ) {
    this.sink = sink
    this.format = FORMATS[format]
    this.losses = new LogLosses(tell, name)
  }

  ended(record: ExchangeRecord): void {
    if (this.closed) return void this.dropped++
    if (this.lines.length > MAX_WAITING_BYTES) return this.lose(1, 'what it goes to does not keep up')
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
    this.losses[Symbol.dispose]()
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
    const loss = this.lossSince(dropped)
    this.waitingLines = 0
    try {
      await this.sink.writeBlocks([...loss, ...blocks])
      this.told = dropped
      this.losses.written()
    } catch (error) {
      // Disk full, pipe closed: losing log lines is better than losing requests.
      const written = linesWritten([...loss, ...blocks], error)
      if (written >= loss.length) this.told = dropped
      this.lose(waitingLines - Math.max(0, written - loss.length), messageOf(error))
    }
    for (const block of blocks) this.lines.reuse(block)
  }

  private lose(lines: number, reason: string): void {
    this.dropped += lines
    this.losses.note(lines, reason)
  }

  /** A line about lines that are missing before the next one. */
  private lossSince(dropped: number): readonly Uint8Array[] {
    const lost = dropped - this.told
    return lost === 0 ? [] : [Buffer.from(this.format.loss(lost))]
  }
}

const NEWLINE = 0x0a

/** How many lines are whole in what was written before the error. */
function linesWritten(blocks: readonly Uint8Array[], error: unknown): number {
  if (!(error instanceof PartialWrite)) return 0
  let rest = error.bytesWritten
  let lines = 0
  for (const block of blocks) {
    const written = block.subarray(0, rest)
    for (const byte of written) if (byte === NEWLINE) lines++
    rest -= written.length
  }
  return lines
}
