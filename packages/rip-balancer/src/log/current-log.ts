import type { ExchangeRecord } from '../exchange/record.ts'
import type { AccessLogFormat } from '../settings/access-log-format.ts'
import { oneLine } from '../text/one-line.ts'
import { AccessLog } from './access-log.ts'
import { FileSink } from './file-sink.ts'
import { TextBlocks, type LogSink } from './log-sink.ts'

/** What the configuration says of the access log. */
export interface LogSettings {
  readonly format: AccessLogFormat
  /** @default the sink of the program */
  readonly file: string | undefined
}

/** The access log that is written now, if one is: another configuration replaces it. */
export class CurrentLog {
  private log: AccessLog | undefined
  /** The previous ones, until they are written. */
  private previous: Promise<void> = Promise.resolve()
  private readonly sink: LogSink
  private readonly warn: (message: string) => void

  /** @param sink of a log without a file */
  constructor(settings: LogSettings, sink: LogSink, warn: (message: string) => void) {
    this.sink = sink
    this.warn = warn
    this.log = this.open(settings)
  }

  /** What was written to the previous one so far reaches its file. */
  replace(settings: LogSettings): void {
    this.previous = Promise.all([this.previous, this.log?.close()]).then(() => undefined)
    this.log = this.open(settings)
  }

  ended(record: ExchangeRecord): void {
    this.log?.ended(record)
  }

  /** Opens the file again, for log rotation. */
  async reopen(): Promise<void> {
    await this.log?.reopen()
  }

  async close(): Promise<void> {
    await this.log?.close()
    await this.previous
  }

  private open({ format, file }: LogSettings): AccessLog | undefined {
    if (format === 'none') return undefined
    if (file === undefined) return new AccessLog(format, new TextBlocks(this.sink), this.warn)
    return new AccessLog(format, new FileSink(file), this.warn, `the access log ${oneLine(file)}`)
  }
}
