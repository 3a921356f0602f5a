import type { ExchangeRecord } from '../exchange/record.ts'

export type AccessLogFormat = 'none' | 'text' | 'json'

/** Where finished lines go; must not block. @returns a promise when it is busy until then */
export interface LogSink {
  write(text: string): Promise<unknown> | void
}

/** Lines are collected for this long before they are written. */
const FLUSH_MS = 100
/** More text than this waiting for a slow disk: lines are dropped and counted. */
const MAX_WAITING_CHARS = 4 * 1024 * 1024

/**
 * One line per finished exchange. Lines are collected and written in the background, one write at a time; when
 * the sink cannot keep up or fails, lines are dropped and the next line that gets through says how many.
 */
export class AccessLog implements AsyncDisposable {
  /** Lines that were lost so far. */
  dropped = 0
  /** Of these, how many the log itself has told. */
  private told = 0
  private readonly sink: LogSink
  private readonly name: Exclude<AccessLogFormat, 'none'>
  private readonly format: (record: ExchangeRecord) => string
  private waiting = ''
  private waitingLines = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private writing: Promise<void> | undefined
  private closed = false

  constructor(format: Exclude<AccessLogFormat, 'none'>, sink: LogSink) {
    this.sink = sink
    this.name = format
    this.format = format === 'json' ? jsonLine : textLine
  }

  ended(record: ExchangeRecord): void {
    if (this.closed || this.waiting.length > MAX_WAITING_CHARS) return void this.dropped++
    this.waiting += this.format(record)
    this.waitingLines++
    this.timer ??= setTimeout(() => this.flush(), FLUSH_MS)
  }

  /** Writes what waits; resolves when it was written or given up. */
  async close(): Promise<void> {
    this.closed = true
    clearTimeout(this.timer)
    await this.writing
    await this.write()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private flush(): void {
    this.timer = undefined
    if (this.writing !== undefined) return
    this.writing = this.write().finally(() => {
      this.writing = undefined
      if (this.waiting !== '' && !this.closed) this.timer ??= setTimeout(() => this.flush(), FLUSH_MS)
    })
  }

  /** A line about lines that are missing before the next one. */
  private lossSince(dropped: number): string {
    const lost = dropped - this.told
    if (lost === 0) return ''
    return this.name === 'json' ? `{"v":${LOG_VERSION},"lost":${lost}}\n` : `# ${lost} lines lost\n`
  }

  private async write(): Promise<void> {
    if (this.waiting === '') return
    const { waiting: text, waitingLines: lines, dropped } = this
    this.waiting = ''
    this.waitingLines = 0
    try {
      await this.sink.write(this.lossSince(dropped) + text)
      this.told = dropped
    } catch {
      // Disk full, pipe closed: losing log lines is better than losing requests.
      this.dropped += lines
    }
  }
}

/** Version of the JSON lines, in the field `v`. */
const LOG_VERSION = 1

/** Characters that could forge a line or drive a terminal. */
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\\"]/g

const escape = (text: string): string =>
  text.replace(UNSAFE, (char) =>
    char === '"' || char === '\\' ? `\\${char}` : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )

const ms = (value: number): number => Math.round(value * 1000) / 1000

/** What cannot stand in a JSON string, and what JSON allows there and a terminal or a reader of lines does not. */
// oxlint-disable-next-line no-control-regex
const SPECIAL = /["\\\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]/
// oxlint-disable-next-line no-control-regex
const LEFT_BY_JSON = /[\u007f-\u009f\u2028\u2029]/g

const unicodeEscape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Hardly any text needs escapes, and looking for one is cheaper than stringifying (`bench/proxy`, logged-64). */
const quoted = (text: string): string =>
  SPECIAL.test(text) ? JSON.stringify(text).replace(LEFT_BY_JSON, unicodeEscape) : `"${text}"`

let stampMs = Number.NaN
let stamp = ''

/** A time in ISO 8601; the last one is kept, as many requests begin within a millisecond. */
function timeText(at: number): string {
  const atMs = Math.floor(at)
  if (atMs !== stampMs) {
    stampMs = atMs
    stamp = new Date(atMs).toISOString()
  }
  return stamp
}

function jsonLine(record: ExchangeRecord): string {
  const { backend } = record
  return (
    `{"v":${LOG_VERSION},"at":"${timeText(record.startedAt)}","id":${quoted(record.requestId)},` +
    `"client":${quoted(record.clientAddress)},"method":${quoted(record.method)},"host":${quoted(record.host)},` +
    `"target":${quoted(record.target)},"protocol":"${record.protocol}","scheme":"${record.scheme}",` +
    `"status":${record.status},"outcome":"${record.cause}",` +
    `"backend":${backend === undefined ? 'null' : quoted(backend)},"retries":${record.retries},` +
    `"sent":${record.bytesSent},"received":${record.bytesReceived},"queueMs":${ms(record.queueMs)},` +
    `"responseMs":${ms(record.responseMs)},"totalMs":${ms(record.totalMs)},` +
    `"agent":${quoted(record.userAgent)},"referer":${quoted(record.referer)}}\n`
  )
}

function textLine(record: ExchangeRecord): string {
  const outcome = record.cause === 'completed' ? '' : ` ${record.cause}`
  const retries = record.retries === 0 ? '' : ` retries=${record.retries}`
  const queue = record.queueMs < 1 ? '' : ` queue=${record.queueMs.toFixed(0)}ms`
  const target = escape(`${record.method} ${record.target}`)
  return `${timeText(record.startedAt)} ${escape(record.clientAddress)} "${target}" ${record.status} ${record.bytesSent}B ${record.totalMs.toFixed(1)}ms ${record.backend ?? '-'}${queue}${retries}${outcome} ${record.requestId}\n`
}
