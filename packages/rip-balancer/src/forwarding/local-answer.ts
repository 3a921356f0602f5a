import { REASONS } from '../http1/reason-phrases.ts'
import type { Clock } from '../transport/clock.ts'
import type { Outbox } from '../transport/outbox.ts'

/** Methods the balancer passes on, as far as it limits them. */
export const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'
const RETRY_AFTER_SECONDS = 1

/** A complete response of the balancer itself. */
export interface Answer {
  readonly status: number
  readonly fields: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
  readonly requestId: string
  readonly connection: 'close' | 'keep-alive' | undefined
  /** The request was HEAD: announce the body, do not send it. */
  readonly toHead: boolean
}

/** Writes the answer. @param clock says the date */
export function writeAnswer(outbox: Outbox, answer: Answer, clock: Clock): void {
  const { status, fields, requestId, connection } = answer
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : Buffer.from(answer.body)
  const hasBody = mayHaveBody(status)
  let head = `HTTP/1.1 ${status} ${REASONS[status] ?? 'Status'}\r\n${clock.dateLine().toString('latin1')}`
  for (const [name, value] of localFields(status, fields, hasBody ? body.length : undefined, requestId))
    head += `${name}: ${value}\r\n`
  if (connection !== undefined) head += `Connection: ${connection}\r\n`
  outbox.appendText(`${head}\r\n`)
  if (hasBody && !answer.toHead) outbox.append(body, 0, body.length)
}

/** Whether a response with that status, which is a final one, can have a body. */
export function mayHaveBody(status: number): boolean {
  return status !== 204 && status !== 304
}

/** The fields of an answer, without those that concern the connection. @param length of its body; `undefined` announces none */
export function localFields(
  status: number,
  fields: Readonly<Record<string, string>>,
  length: number | undefined,
  requestId: string,
): (readonly [name: string, value: string])[] {
  const all: (readonly [string, string])[] = Object.entries(fields)
  if (status === 405) all.push(['Allow', ALLOWED_METHODS])
  if (status === 503) all.push(['Retry-After', String(RETRY_AFTER_SECONDS)])
  if (length !== undefined) all.push(['Content-Length', String(length)])
  all.push(['X-Request-Id', requestId])
  return all
}
