import { expect, test } from 'bun:test'
import { REFUSED } from '../../src/http1/field-section.ts'
import { responseFaultText } from '../../src/http1/response-fault-text.ts'
import { ResponseHead } from '../../src/http1/response-head.ts'
import { SMALL_LIMITS, bytes } from './feeding.ts'

function textOf(raw: string): string {
  const head = new ResponseHead(SMALL_LIMITS)
  const chunk = bytes(raw)
  const fault = head.feed(chunk, 0, chunk.length) === REFUSED ? head.fault : head.check(false)
  return responseFaultText(fault!, head, SMALL_LIMITS)
}

const ok = (lines: string): string => `HTTP/1.1 200 OK\r\n${lines}\r\n`
const many = 'X-A: b\r\n'.repeat(SMALL_LIMITS.maxFields + 1)

const RESPONSES: readonly (readonly [raw: string, text: string])[] = [
  [
    'HTTP/1.1 999 Denied\r\n\r\n',
    'a first line other than HTTP/1.1 with a status from 100 to 599, and CRLF behind it',
  ],
  [
    ok('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'),
    'Content-Length and Transfer-Encoding at the same time',
  ],
  [ok('Content-Length: 5\r\nContent-Length: 5\r\n'), 'several fields Content-Length'],
  [
    ok('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'),
    'a Transfer-Encoding other than chunked, or several of them',
  ],
  [ok('X-Ok: a\r\nX-Policy: a;\r\n b\r\n'), 'a field that goes on in the next line (X-Policy)'],
  [ok('X-Ok: a\r\nX-Colour: \x1b[31m\r\n'), 'a control character in a value (X-Colour)'],
  [ok(many), `more fields than limits.fields, ${SMALL_LIMITS.maxFields}`],
  [
    ok(`X-A: ${'a'.repeat(SMALL_LIMITS.maxHeadBytes)}\r\n`),
    `a head of more than limits.responseHead, ${SMALL_LIMITS.maxHeadBytes} bytes`,
  ],
]

for (const [raw, text] of RESPONSES)
  test(`a response that cannot be passed on is said to have ${text}`, () => {
    expect(textOf(raw)).toBe(text)
  })
