import type { Clock } from '../transport/clock.ts'
import type { Outbox } from '../transport/outbox.ts'

/** Reason phrases of the statuses the balancer answers with by itself (RFC 9110, section 15). */
export const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  204: 'No Content',
  301: 'Moved Permanently',
  302: 'Found',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
}

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
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : Buffer.from(answer.body)
  const bodyless = answer.status === 204 || answer.status === 304
  let head = `HTTP/1.1 ${answer.status} ${REASONS[answer.status] ?? 'Status'}\r\n${clock.dateLine().toString('latin1')}`
  for (const [name, value] of Object.entries(answer.fields)) head += `${name}: ${value}\r\n`
  if (answer.status === 405) head += `Allow: ${ALLOWED_METHODS}\r\n`
  if (answer.status === 503) head += `Retry-After: ${RETRY_AFTER_SECONDS}\r\n`
  if (!bodyless) head += `Content-Length: ${body.length}\r\n`
  head += `X-Request-Id: ${answer.requestId}\r\n`
  if (answer.connection !== undefined) head += `Connection: ${answer.connection}\r\n`
  outbox.appendText(`${head}\r\n`)
  if (!bodyless && !answer.toHead) outbox.append(body, 0, body.length)
}
