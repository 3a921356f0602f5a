import type { ExchangeRecord } from '../exchange/record.ts'
import { timeText } from './time-text.ts'
import type { LineWriter } from './line-writer.ts'

/** Version of the JSON lines, in the field `v`. */
const VERSION = 1
/** More than the names, numbers and words of a line have characters. */
const FIXED_CHARS = 512

/** Writes what is known about an exchange as a line of JSON. */
export function writeJsonLine(record: ExchangeRecord, out: LineWriter): void {
  const { requestId, clientAddress, method, host, target, userAgent, referer, backend, reason } = record
  out.begin(
    FIXED_CHARS +
      requestId.length +
      clientAddress.length +
      method.length +
      host.length +
      target.length +
      userAgent.length +
      referer.length +
      (backend?.length ?? 0) +
      (reason?.length ?? 0),
  )
  out.ascii(`{"v":${VERSION},"at":"`)
  out.ascii(timeText(record.startedAt))
  out.ascii('","id":')
  out.quoted(requestId)
  out.ascii(',"client":')
  out.quoted(clientAddress)
  out.ascii(',"method":')
  out.quoted(method)
  out.ascii(',"host":')
  out.quoted(host)
  out.ascii(',"target":')
  out.quoted(target)
  out.ascii(',"protocol":"')
  out.ascii(record.protocol)
  out.ascii('","scheme":"')
  out.ascii(record.scheme)
  out.ascii('","status":')
  out.integer(record.status)
  out.ascii(',"outcome":"')
  out.ascii(record.cause)
  out.ascii('"')
  if (reason !== undefined) {
    out.ascii(',"reason":')
    out.quoted(reason)
  }
  out.ascii(',"backend":')
  if (backend === undefined) out.ascii('null')
  else out.quoted(backend)
  out.ascii(',"retries":')
  out.integer(record.retries)
  out.ascii(',"sent":')
  out.integer(record.bytesSent)
  out.ascii(',"received":')
  out.integer(record.bytesReceived)
  out.ascii(',"queueMs":')
  out.milliseconds(record.queueMs)
  out.ascii(',"responseMs":')
  out.milliseconds(record.responseMs)
  out.ascii(',"totalMs":')
  out.milliseconds(record.totalMs)
  out.ascii(',"agent":')
  out.quoted(userAgent)
  out.ascii(',"referer":')
  out.quoted(referer)
  out.ascii('}\n')
}

/** A line about lines that are missing. */
export const jsonLossLine = (lost: number): string => `{"v":${VERSION},"lost":${lost}}\n`
