import { join } from 'node:path'
import { FORMER_LOG_NAME, LOG_NAME, readRecord } from '@rip/server/text'
import { FollowedFile } from '../terminal/followed-file.ts'
import type { LoggedException } from '../terminal/request-tables.ts'

type LogRecord = NonNullable<ReturnType<typeof readRecord>>

/** A report of a worker is no longer than this, however long the message of the exception is. */
const MAX_LINES = 60
/** What Bun shows of the code in front of the message. */
const CODE = /^\s*(?:\d+ \||\^)/
const MESSAGE = /^\s*([A-Za-z_$][\w$]*: .*|error\b.*)$/
const PLACE = /^\s+at .*?\(?(\/[^()]+:\d+:\d+)\)?$/

/** What the log of an instance has about single requests. */
export class RequestLog {
  readonly #records: readonly LogRecord[]

  constructor(records: readonly LogRecord[]) {
    this.#records = records
  }

  /** Reads what is kept of the log, a few MiB. @param runDir of the instance */
  static async read(runDir: string): Promise<RequestLog> {
    await using log = new FollowedFile(join(runDir, LOG_NAME), join(runDir, FORMER_LOG_NAME))
    const parts: Uint8Array[] = []
    for (let part = await log.more(); part.byteLength > 0; part = await log.more()) parts.push(part)
    const lines = new TextDecoder().decode(Buffer.concat(parts)).split('\n')
    return new RequestLog(lines.flatMap((line) => readRecord(line) ?? []))
  }

  /** The lines that have the id of a request, and what the same process wrote next if that belongs to it. */
  linesOf(id: string): readonly LogRecord[] {
    const lines: LogRecord[] = []
    for (const [at, record] of this.#records.entries()) {
      if (!record.text.includes(id)) continue
      lines.push(record)
      if (record.text.includes(`failed (request ${id}):`)) lines.push(...this.#behind(at, record))
    }
    return lines
  }

  exceptionOf(id: string): LoggedException | undefined {
    const lines = this.linesOf(id).map(({ text }) => Bun.stripANSI(text))
    const at = lines.findIndex((text) => !CODE.test(text) && !text.includes(id) && MESSAGE.test(text))
    if (at < 0) return undefined
    const place = lines
      .slice(at)
      .map((text) => PLACE.exec(text)?.[1])
      .find((found) => found !== undefined)
    return { message: lines[at]!.trim(), ...(place !== undefined && { place }) }
  }

  #behind(at: number, { name, stream }: LogRecord): LogRecord[] {
    const lines: LogRecord[] = []
    for (const record of this.#records.slice(at + 1)) {
      if (record.name !== name || record.stream !== stream) continue
      if (record.text.trim() === '' && lines.some(({ text }) => PLACE.test(text))) break
      if (/ failed \(request \S+\):$/.test(record.text) || lines.length === MAX_LINES) break
      lines.push(record)
    }
    return lines
  }
}
