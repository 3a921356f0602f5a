import { describe, expect, test } from 'bun:test'
import { INCOMPLETE, REFUSED } from '../../src/http1/field-section.ts'
import { ResponseHead } from '../../src/http1/response-head.ts'
import { SMALL_LIMITS, bytes, feedPieces, splits } from './feeding.ts'

type Verdict = { head: ResponseHead; outcome: string }

function verdict(pieces: readonly Buffer[], toHead = false): Verdict {
  const head = new ResponseHead(SMALL_LIMITS)
  const at = feedPieces(head, pieces)
  if (at === INCOMPLETE) return { head, outcome: 'incomplete' }
  if (at === REFUSED) return { head, outcome: head.fault! }
  return { head, outcome: head.check(toHead) ?? `${head.status} ${head.body.framing} ${head.body.length}` }
}

const ok = (lines: string): string => `HTTP/1.1 200 OK\r\n${lines}\r\n`

const cases: [name: string, raw: string, outcome: string][] = [
  ['a length', ok('Content-Length: 5\r\n'), '200 length 5'],
  ['a length of zero', ok('Content-Length: 0\r\n'), '200 none 0'],
  ['the chunked coding', ok('Transfer-Encoding: chunked\r\n'), '200 chunked 0'],
  ['neither: the body ends with the connection', ok(''), '200 eof 0'],
  ['204 has no body', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n', '204 none 0'],
  ['304 has no body', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n', '304 none 9'],
  ['an empty reason', 'HTTP/1.1 299 \r\nContent-Length: 1\r\n\r\n', '299 length 1'],
  ['no space behind the code', 'HTTP/1.1 299\r\nContent-Length: 1\r\n\r\n', '299 length 1'],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\n', '200 eof 0'],
  ['another major version', 'HTTP/2 200 OK\r\n\r\n', 'bad-status-line'],
  ['another protocol', 'ICY 200 OK\r\n\r\n', 'bad-status-line'],
  ['a code of two digits', 'HTTP/1.1 20 OK\r\n\r\n', 'bad-status-line'],
  ['a code of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', 'bad-status-line'],
  ['a code beyond 599', 'HTTP/1.1 600 OK\r\n\r\n', 'bad-status-line'],
  ['a code below 100', 'HTTP/1.1 099 OK\r\n\r\n', 'bad-status-line'],
  ['a NUL in the reason', 'HTTP/1.1 200 O\0K\r\n\r\n', 'bad-status-line'],
  ['a bare LF', 'HTTP/1.1 200 OK\n\n', 'bad-status-line'],
  ['a space in front of the colon', ok('X-A : b\r\n'), 'bad-field-name'],
  ['a folded field', ok('X-A: b\r\n c\r\n'), 'folded-field'],
  ['two lengths', ok('Content-Length: 1\r\nContent-Length: 1\r\n'), 'several-content-lengths'],
  [
    'a length and a coding',
    ok('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'),
    'length-and-transfer-encoding',
  ],
  [
    'a coding in HTTP/1.0',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'transfer-encoding-in-http-1-0',
  ],
  ['an unknown coding', ok('Transfer-Encoding: cow\r\n'), 'bad-transfer-encoding'],
  ['a head beyond its limit', ok(`X-A: ${'a'.repeat(300)}\r\n`), 'head-too-large'],
]

describe('a response head, wherever the input is split:', () => {
  for (const [name, raw, outcome] of cases)
    test(`${name} (${outcome})`, () => {
      for (const pieces of splits(bytes(raw))) expect(verdict(pieces).outcome).toBe(outcome)
    })
})

test('a response without a body may have fields that contradict each other: none of them is believed', () => {
  for (const lines of [
    'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n',
    'Content-Length: 1\r\nContent-Length: 2\r\n',
    'Content-Length: +1\r\n',
  ])
    for (const [raw, toHead] of [
      [ok(lines), true],
      [`HTTP/1.1 304 Not Modified\r\n${lines}\r\n`, false],
      [`HTTP/1.1 204 No Content\r\n${lines}\r\n`, false],
    ] as const) {
      const { head, outcome } = verdict([bytes(raw)], toHead)
      expect(outcome).toBe(`${head.status} none 0`)
      expect(head.tellsLength).toBe(false)
    }
})

test('a response to HEAD has no body, whatever its fields say', () => {
  expect(verdict([bytes(ok('Content-Length: 5\r\n'))], true).head.body.framing).toBe('none')
  expect(verdict([bytes(ok('Transfer-Encoding: chunked\r\n'))], true).head.body.framing).toBe('none')
})
