import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Fault } from '../../src/http1/fault.ts'
import { INCOMPLETE, REFUSED } from '../../src/http1/field-section.ts'
import { RequestHead } from '../../src/http1/request-head.ts'
import { SMALL_LIMITS, bytes, cutAt, feedPieces, splits } from './feeding.ts'

function verdict(pieces: readonly Buffer[]): { head: RequestHead; fault: Fault | undefined; at: number } {
  const head = new RequestHead(SMALL_LIMITS)
  const at = feedPieces(head, pieces)
  if (at === REFUSED) return { head, fault: head.fault, at }
  return { head, fault: at === INCOMPLETE ? undefined : head.check(), at }
}

function summary(head: RequestHead): unknown {
  const fields = Array.from({ length: head.count }, (_, index) => [head.name(index), head.value(index)])
  return {
    method: head.method,
    target: head.target,
    host: head.host,
    minor: head.minor,
    fields,
    framing: head.body.framing,
    length: head.body.length,
    persists: head.persists,
  }
}

const get = (lines: string, target = '/'): string => `GET ${target} HTTP/1.1\r\n${lines}\r\n`
const post = (lines: string): string => `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`

const accepted: Record<string, string> = {
  'a plain request': get('Host: example.test\r\n'),
  'a request behind empty lines': `\r\n\r\n${get('Host: a\r\n')}`,
  'optional white space around a value': get('Host:\t a \t\r\nX-A:b\r\n'),
  'an empty value': get('Host: a\r\nX-A:\r\nX-B: \r\n'),
  'opaque bytes in a value': get('Host: a\r\nX-A: caf\xe9\x80\xff\r\n'),
  'a method nobody registered': `BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n`,
  'a later minor version': 'GET / HTTP/1.7\r\nHost: a\r\n\r\n',
  'HTTP/1.0 without Host': 'GET / HTTP/1.0\r\n\r\n',
  'an absolute target': get('Host: other.test\r\n', 'http://example.test:81/p?q'),
  'an absolute target without a path': get('Host: a\r\n', 'HTTP://Example.TEST?q=1'),
  'the asterisk for OPTIONS': 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  'escapes in a target': get('Host: a\r\n', '/%7Ea%0d%0aX?b=%20'),
  'what browsers leave unescaped': get('Host: a\r\n', '/a|b?c={d}&e[0]=^`'),
  'a percent sign that escapes nothing in a query': get('Host: a\r\n', '/?q=100%'),
  'a percent sign in front of a parameter': get('Host: a\r\n', '/?discount=50%&page=2'),
  'escapes of old scripts in a query': get('Host: a\r\n', '/?q=%u0430'),
  'an escaped NUL in a query': get('Host: a\r\n', '/?q=%00'),
  'raw UTF-8 in a query': get('Host: a\r\n', '/?q=\xd0\xb0'),
  'quotes, brackets and backslashes in a query': get('Host: a\r\n', '/?a="b"&c=<d>&e=\\f'),
  'a query of an absolute target as liberally': get('Host: a\r\n', 'http://a/p?q=50%"\xe9'),
  'IPv6 and a port in Host': get('Host: [2001:db8::1]:8443\r\n'),
  'an empty port in Host': get('Host: a:\r\n'),
  'a length': post('Content-Length: 5\r\n'),
  'the chunked coding in any case': post('Transfer-Encoding: ChUnKeD\r\n'),
  'several connection options': get('Host: a\r\nConnection: X-A , close,,\r\nX-A: 1\r\n'),
}

const refused: [name: string, raw: string, fault: Fault][] = [
  ['a space in front of the method', ' GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'bad-method'],
  ['a method with a bracket', 'G(T / HTTP/1.1\r\nHost: a\r\n\r\n', 'bad-method'],
  ['a method of 65 letters', `${'M'.repeat(65)} / HTTP/1.1\r\nHost: a\r\n\r\n`, 'bad-method'],
  ['bytes that are no HTTP', '\x16\x03\x01\x02\x00\x01', 'bad-method'],
  ['two spaces behind the method', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 'bad-target'],
  ['two spaces behind the target', 'GET /  HTTP/1.1\r\nHost: a\r\n\r\n', 'bad-version'],
  ['a tab as separator', 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n', 'bad-method'],
  ['no version', 'GET /\r\nHost: a\r\n\r\n', 'bad-target'],
  ['a fragment', get('Host: a\r\n', '/a#b'), 'bad-target'],
  ['a backslash in the target', get('Host: a\r\n', '/a\\b'), 'bad-target'],
  ['raw UTF-8 in the target', get('Host: a\r\n', '/\xc3\xa9'), 'bad-target'],
  ['a quote in the path', get('Host: a\r\n', '/a"b'), 'bad-target'],
  ['angle brackets in the path', get('Host: a\r\n', '/<a>'), 'bad-target'],
  ['a backslash in an authority', get('Host: a\r\n', 'http://a\\b/?q'), 'bad-target'],
  ['raw UTF-8 in an absolute path', get('Host: a\r\n', 'http://a/\xc3\xa9?q'), 'bad-target'],
  ['a fragment behind a query', get('Host: a\r\n', '/?a#b'), 'bad-target'],
  ['a NUL in a query', get('Host: a\r\n', '/?a\0'), 'bad-target'],
  ['DEL in a query', get('Host: a\r\n', '/?a\x7f'), 'bad-target'],
  ['a NUL in the target', get('Host: a\r\n', '/a\0'), 'bad-target'],
  ['a broken escape', get('Host: a\r\n', '/%2'), 'bad-target'],
  ['an escape that is no number', get('Host: a\r\n', '/%g0'), 'bad-target'],
  ['an escaped NUL', get('Host: a\r\n', '/%00'), 'bad-target'],
  ['a relative target', get('Host: a\r\n', 'a/b'), 'bad-target'],
  ['another scheme', get('Host: a\r\n', 'ftp://a/b'), 'bad-target'],
  ['user information in the target', get('Host: a\r\n', 'http://u@a/b'), 'bad-target'],
  ['the asterisk for GET', get('Host: a\r\n', '*'), 'bad-target'],
  ['a lower-case protocol name', 'GET / http/1.1\r\nHost: a\r\n\r\n', 'bad-version'],
  ['a minor version of two digits', 'GET / HTTP/1.01\r\nHost: a\r\n\r\n', 'bad-version'],
  ['a space behind the version', 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n', 'bad-version'],
  ['HTTP/2.0', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 'unsupported-version'],
  ['HTTP/0.9 with a version', 'GET / HTTP/0.9\r\nHost: a\r\n\r\n', 'unsupported-version'],
  ['a bare LF behind the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 'bad-version'],
  ['a bare LF behind a field', get('Host: a\r\nX-A: b\n'), 'bad-line-end'],
  ['a bare LF as the empty line', 'GET / HTTP/1.1\r\nHost: a\r\n\n', 'bad-line-end'],
  ['a bare CR in a value', get('Host: a\r\nX-A: b\rc\r\n'), 'bad-line-end'],
  ['a CR in place of the empty line', 'GET / HTTP/1.1\r\nHost: a\r\n\rX', 'bad-line-end'],
  ['too many empty lines in front', `${'\r\n'.repeat(5)}${get('Host: a\r\n')}`, 'bad-line-end'],
  ['a NUL in a value', get('Host: a\r\nX-A: b\0\r\n'), 'bad-field-value'],
  ['an escape character in a value', get('Host: a\r\nX-A: \x1b[31m\r\n'), 'bad-field-value'],
  ['DEL in a value', get('Host: a\r\nX-A: \x7f\r\n'), 'bad-field-value'],
  ['a space in front of the colon', get('Host: a\r\nX-A : b\r\n'), 'bad-field-name'],
  ['a tab in front of the colon', get('Host: a\r\nX-A\t: b\r\n'), 'bad-field-name'],
  ['a line without a colon', get('Host: a\r\nnothing\r\n'), 'bad-field-name'],
  ['an empty name', get('Host: a\r\n: b\r\n'), 'bad-field-name'],
  ['a name with a slash', get('Host: a\r\nX/A: b\r\n'), 'bad-field-name'],
  ['a name with a byte above 127', get('Host: a\r\nX\xe9: b\r\n'), 'bad-field-name'],
  ['a folded value', get('Host: a\r\nX-A: b\r\n c\r\n'), 'folded-field'],
  ['white space in front of the first field', get(' Host: a\r\n'), 'folded-field'],
  ['no Host', get(''), 'missing-host'],
  ['an empty Host', get('Host:\r\n'), 'bad-host'],
  ['two equal Hosts', get('Host: a\r\nHost: a\r\n'), 'several-hosts'],
  ['a Host with a path', get('Host: a/b\r\n'), 'bad-host'],
  ['a Host with user information', get('Host: u@a\r\n'), 'bad-host'],
  ['a list of Hosts', get('Host: a,b\r\n'), 'bad-host'],
  ['a port that is no number', get('Host: a:x\r\n'), 'bad-host'],
  ['a port beyond 65535', get('Host: a:65536\r\n'), 'bad-host'],
  ['an open bracket', get('Host: [::1\r\n'), 'bad-host'],
  ['brackets around a name', get('Host: [a]\r\n'), 'bad-host'],
  [
    'a length and a coding',
    post('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'),
    'length-and-transfer-encoding',
  ],
  [
    'a coding and a length',
    post('Transfer-Encoding: chunked\r\nContent-Length: 1\r\n'),
    'length-and-transfer-encoding',
  ],
  ['two equal lengths', post('Content-Length: 1\r\nContent-Length: 1\r\n'), 'several-content-lengths'],
  ['a list of lengths', post('Content-Length: 1, 1\r\n'), 'bad-content-length'],
  ['a signed length', post('Content-Length: +1\r\n'), 'bad-content-length'],
  ['a hexadecimal length', post('Content-Length: 0x1\r\n'), 'bad-content-length'],
  ['an empty length', post('Content-Length:\r\n'), 'bad-content-length'],
  ['a length beyond 2^53', post('Content-Length: 9007199254740993\r\n'), 'bad-content-length'],
  ['a length of 2^64 + 1', post('Content-Length: 18446744073709551617\r\n'), 'bad-content-length'],
  ['chunked twice', post('Transfer-Encoding: chunked, chunked\r\n'), 'bad-transfer-encoding'],
  ['a coding in place of chunked', post('Transfer-Encoding: gzip\r\n'), 'bad-transfer-encoding'],
  ['the identity coding', post('Transfer-Encoding: identity\r\n'), 'bad-transfer-encoding'],
  ['chunked in front of a coding', post('Transfer-Encoding: chunked, gzip\r\n'), 'bad-transfer-encoding'],
  [
    'two coding fields',
    post('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n'),
    'bad-transfer-encoding',
  ],
  ['a coding we do not have', post('Transfer-Encoding: gzip, chunked\r\n'), 'unknown-transfer-coding'],
  ['chunked with a parameter', post('Transfer-Encoding: chunked;q=1\r\n'), 'bad-transfer-encoding'],
  ['an empty coding', post('Transfer-Encoding:\r\n'), 'bad-transfer-encoding'],
  [
    'a coding in HTTP/1.0',
    'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n',
    'transfer-encoding-in-http-1-0',
  ],
  ['an expectation we do not know', post('Content-Length: 1\r\nExpect: more\r\n'), 'unknown-expectation'],
  ['TRACE', 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 'method-refused'],
  ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', 'method-refused'],
  ['a connection option that is no token', get('Host: a\r\nConnection: (close)\r\n'), 'bad-connection'],
  ['a target beyond the line limit', get('Host: a\r\n', `/${'a'.repeat(200)}`), 'target-too-long'],
  ['a field beyond the line limit', get(`Host: a\r\nX-A: ${'a'.repeat(200)}\r\n`), 'head-too-large'],
  ['a name that never ends', `GET / HTTP/1.1\r\n${'a'.repeat(201)}`, 'head-too-large'],
  ['a head beyond its limit', get(`Host: a\r\n${`X-A: ${'a'.repeat(90)}\r\n`.repeat(5)}`), 'head-too-large'],
  ['too many fields', get(`Host: a\r\n${'X: y\r\n'.repeat(8)}`), 'too-many-fields'],
]

describe('a request head is accepted, wherever the input is split:', () => {
  for (const [name, raw] of Object.entries(accepted))
    test(name, () => {
      const input = bytes(raw)
      const whole = verdict([input])
      expect(whole.fault).toBeUndefined()
      expect(whole.at).toBe(input.length)
      for (const pieces of splits(input)) {
        const { head, fault, at } = verdict(pieces)
        expect(fault).toBeUndefined()
        expect(at).toBe(input.length)
        expect(summary(head)).toEqual(summary(whole.head))
      }
    })
})

describe('a request head is refused, wherever the input is split:', () => {
  for (const [name, raw, fault] of refused)
    test(`${name} (${fault})`, () => {
      for (const pieces of splits(bytes(raw))) expect(verdict(pieces).fault).toBe(fault)
    })
})

test('bytes after a head are left alone', () => {
  const { at } = verdict([bytes(`${get('Host: a\r\n')}GET /next`)])
  expect(at).toBe(get('Host: a\r\n').length)
})

test('a head that starts within a piece and ends in later ones is read the same', () => {
  const raw = get('Host: example.test\r\nX-A: b\r\n', '/path')
  const whole = verdict([bytes(raw)])
  for (let cut = 1; cut < raw.length; cut++) {
    const head = new RequestHead(SMALL_LIMITS)
    const first = bytes(`previous body${raw.slice(0, cut)}`)
    expect(head.feed(first, 13, first.length)).toBe(INCOMPLETE)
    const second = bytes(raw.slice(cut))
    expect(head.feed(second, 0, second.length)).toBe(second.length)
    expect(head.check()).toBeUndefined()
    expect(summary(head)).toEqual(summary(whole.head))
  }
})

test('the authority of an absolute target counts, not Host', () => {
  const { head } = verdict([bytes(get('Host: a.test\r\n', 'http://b.test:8/x'))])
  expect(head.host).toBe('b.test:8')
})

test('only a client of HTTP/1.1 with a body expects 100 Continue', () => {
  const expectation = 'Expect: 100-Continue\r\n'
  expect(verdict([bytes(post(`Content-Length: 1\r\n${expectation}`))]).head.expectsContinue).toBe(true)
  expect(verdict([bytes(get(`Host: a\r\n${expectation}`))]).head.expectsContinue).toBe(false)
  const old = `POST / HTTP/1.0\r\nContent-Length: 1\r\n${expectation}\r\n`
  expect(verdict([bytes(old)]).head.expectsContinue).toBe(false)
})

test.each([
  ['100-continue, 100-continue', undefined],
  ['100-continue,', undefined],
  [' , 100-Continue', undefined],
  ['100-continue, more', 'unknown-expectation'],
  ['100-continue more', 'unknown-expectation'],
  ['"100-continue"', 'unknown-expectation'],
  [',', 'unknown-expectation'],
  ['', 'unknown-expectation'],
] as const)('Expect is a list: %j', (value, fault) => {
  const { head, fault: found } = verdict([bytes(post(`Content-Length: 1\r\nExpect: ${value}\r\n`))])
  expect(found).toBe(fault)
  expect(head.expectsContinue).toBe(fault === undefined)
})

test('a head can be used again after a reset', () => {
  const head = new RequestHead(SMALL_LIMITS)
  expect(feedPieces(head, [bytes('GET / HTTP/1.1\r\nHo')])).toBe(INCOMPLETE)
  head.reset()
  const raw = bytes(get('Host: second\r\n', '/2'))
  expect(feedPieces(head, [raw])).toBe(raw.length)
  expect(head.check()).toBeUndefined()
  expect([head.target, head.host]).toEqual(['/2', 'second'])
})

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,10}$/)
const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/)
const fields = fc.array(fc.tuple(token, value), { maxLength: 6 })
const known = /^(host|connection|content-length|transfer-encoding|expect)$/i

test('property: any splitting of a valid request gives the same result', () => {
  const cuts = fc.array(fc.nat(300), { maxLength: 12 })
  fc.assert(
    fc.property(token, fields, cuts, (method, list, offsets) => {
      fc.pre(!/^(trace|connect)$/i.test(method) && list.every(([name]) => !known.test(name)))
      const lines = list.map(([name, text]) => `${name}: ${text}\r\n`).join('')
      const input = bytes(`${method} /p HTTP/1.1\r\nHost: a\r\n${lines}\r\n`)
      const whole = verdict([input])
      const cut = verdict(
        cutAt(
          input,
          offsets.filter((at) => at < input.length),
        ),
      )
      expect(cut.fault).toBe(whole.fault)
      expect(cut.at).toBe(whole.at)
      expect(summary(cut.head)).toEqual(summary(whole.head))
      if (whole.fault === undefined)
        expect(Array.from({ length: whole.head.count - 1 }, (_, i) => whole.head.name(i + 1))).toEqual(
          list.map(([name]) => name),
        )
    }),
  )
})

test('property: random bytes never throw and never pass for a request', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 6 }), (pieces) => {
      const { at, fault } = verdict(pieces.map((piece) => Buffer.from(piece)))
      expect(at < 0 || fault !== undefined).toBe(true)
    }),
  )
})

test('property: one changed byte gives the same verdict for any splitting', () => {
  const input = bytes(post('Content-Length: 5\r\nX-A: b\r\nConnection: keep-alive\r\n'))
  fc.assert(
    fc.property(fc.nat(input.length - 1), fc.nat(255), fc.nat(input.length), (place, byte, cut) => {
      const mutated = Buffer.from(input)
      mutated[place] = byte
      const whole = verdict([mutated])
      const pieces = verdict(cutAt(mutated, [Math.min(cut, input.length)]))
      expect([pieces.fault, pieces.at]).toEqual([whole.fault, whole.at])
    }),
  )
})

test('a head is the same after it was detached from the chunk it came in', () => {
  for (const text of Object.values(accepted)) {
    const chunk = bytes(`before${text}behind`)
    const head = new RequestHead(SMALL_LIMITS)
    const at = head.feed(chunk, 6, chunk.length)
    const length = at - head.start
    head.detach()
    chunk.fill(0)
    expect(head.check()).toBeUndefined()
    expect(head.isIn(chunk)).toBe(false)
    expect(head.end - head.start).toBe(length)
    expect(summary(head)).toEqual(summary(verdict([bytes(text)]).head))
  }
})
