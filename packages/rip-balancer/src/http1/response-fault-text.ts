import type { Fault } from './fault.ts'
import type { FieldSection, HeadLimits } from './field-section.ts'

const TEXTS: Readonly<Partial<Record<Fault, string>>> = {
  'bad-status-line': 'a first line other than HTTP/1.1 with a status from 100 to 599, and CRLF behind it',
  'bad-line-end': 'a line that does not end with CRLF',
  'bad-field-name':
    'a field name with a space or another character that names do not have, or a line without a colon',
  'bad-field-value': 'a control character in a value',
  'folded-field': 'a field that goes on in the next line',
  'bad-content-length': 'a Content-Length that is not a number',
  'several-content-lengths': 'several fields Content-Length',
  'length-and-transfer-encoding': 'Content-Length and Transfer-Encoding at the same time',
  'bad-transfer-encoding': 'a Transfer-Encoding other than chunked, or several of them',
  'unknown-transfer-coding': 'a Transfer-Encoding other than chunked',
  'transfer-encoding-in-http-1-0': 'Transfer-Encoding in HTTP/1.0',
  'bad-chunk-size': 'a chunk whose size is not a hexadecimal number with CRLF behind it',
  'bad-chunk-extension': 'a chunk extension that is malformed or too long',
  'bad-chunk-end': 'a chunk that does not end where its size says',
}

export function largeHeadText({ maxHeadBytes }: HeadLimits): string {
  return `a head of more than limits.responseHead, ${maxHeadBytes} bytes`
}

/**
 * What a response has that makes it impossible to pass on, for the operator, who has to find it in the application.
 *
 * @param section the head, or the trailers, of that fault
 */
export function responseFaultText(fault: Fault, section: FieldSection, limits: HeadLimits): string {
  if (fault === 'head-too-large') return largeHeadText(limits)
  if (fault === 'too-many-fields') return `more fields than limits.fields, ${limits.maxFields}`
  const name = section.nameAtFault
  return `${TEXTS[fault] ?? fault}${name === undefined ? '' : ` (${name})`}`
}
