import type { ExchangeRecord } from '../exchange/record.ts'
import type { LineWriter } from './line-writer.ts'
import { timeText } from './time-text.ts'

/** Characters that could forge a line or drive a terminal. */
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\\"]/g

const escape = (text: string): string =>
  text.replace(UNSAFE, (char) =>
    char === '"' || char === '\\' ? `\\${char}` : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )

/** Writes what is known about an exchange as a line for people. */
export function writeTextLine(record: ExchangeRecord, out: LineWriter): void {
  const line = textLine(record)
  out.begin(line.length)
  out.utf8(line)
}

function textLine(record: ExchangeRecord): string {
  const outcome = record.cause === 'completed' ? '' : ` ${record.cause}`
  const retries = record.retries === 0 ? '' : ` retries=${record.retries}`
  const queue = record.queueMs < 1 ? '' : ` queue=${record.queueMs.toFixed(0)}ms`
  const target = escape(`${record.method} ${record.target}`)
  return `${timeText(record.startedAt)} ${escape(record.clientAddress)} "${target}" ${record.status} ${record.bytesSent}B ${record.totalMs.toFixed(1)}ms ${record.backend ?? '-'}${queue}${retries}${outcome} ${record.requestId}\n`
}

/** A line about lines that are missing. */
export const textLossLine = (lost: number): string => `# ${lost} lines lost\n`
