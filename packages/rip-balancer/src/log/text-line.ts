import type { ExchangeRecord } from '../exchange/record.ts'
import type { LineWriter } from './line-writer.ts'
import { oneLine, oneWord } from '../text/one-line.ts'
import { timeText } from './time-text.ts'

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
  const reason = record.reason === undefined ? '' : ` "${oneLine(record.reason)}"`
  const target = oneLine(`${record.method} ${record.target}`)
  return `${timeText(record.startedAt)} ${oneWord(record.clientAddress)} "${target}" ${record.status} ${record.bytesSent}B ${record.totalMs.toFixed(1)}ms ${record.backend === undefined ? '-' : oneWord(record.backend)}${queue}${retries}${outcome}${reason} ${oneWord(record.requestId)}\n`
}

/** A line about lines that are missing. */
export const textLossLine = (lost: number): string => `# ${lost} lines lost\n`
