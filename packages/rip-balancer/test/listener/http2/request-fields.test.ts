/** What makes a request malformed in HTTP/2, and what reaches a backend of one that is not. */
import { describe, expect, test } from 'bun:test'
import { ERROR } from '../../../src/http2/error-code.ts'
import { eventually } from '../../exchange/data-plane.ts'
import { GET, POST, fieldOf, withField, type Fields } from './frame-client.ts'
import { startFront } from './front.ts'

const more = (...fields: Fields): Fields => [...GET, ...fields]
const CONNECT: Fields = [
  [':method', 'CONNECT'],
  [':authority', 'h.test:443'],
]
const WEBSOCKET: Fields = [[':method', 'CONNECT'], [':protocol', 'websocket'], ...GET.slice(1)]

/** Each is answered with RST_STREAM (PROTOCOL_ERROR). */
const malformed: [name: string, fields: Fields][] = [
  ['a capital letter in a name', more(['X-Name', 'a'])],
  ['an empty name', more(['', 'a'])],
  ['a space in a name', more(['x name', 'a'])],
  ['a colon in a name', more(['x:name', 'a'])],
  ['a line end in a name', more(['x\r\ny', 'a'])],
  ['a NUL in a name', more(['x\0', 'a'])],
  ['an octet beyond ASCII in a name', more(['x\xe9', 'a'])],
  ['a line end in a value', more(['x', 'a\r\ny: b'])],
  ['a LF in a value', more(['x', 'a\ny: b'])],
  ['a CR in a value', more(['x', 'a\rb'])],
  ['a NUL in a value', more(['x', 'a\0'])],
  ['another control character in a value', more(['x', 'a\x01'])],
  ['a space in front of a value', more(['x', ' a'])],
  ['a tab behind a value', more(['x', 'a\t'])],
  ['a line end in a part of a cookie', more(['cookie', 'a\r\nx: y'])],
  ['Cookie with a capital letter', more(['Cookie', 'a=b'])],
  ['Host with a capital letter', more(['Host', 'h.test'])],
  ['TE with a capital letter', more(['Te', 'trailers'])],
  ['a key of a WebSocket with a capital letter', [...WEBSOCKET, ['Sec-websocket-key', 'a']]],
  ['a line end in the key of a WebSocket', [...WEBSOCKET, ['sec-websocket-key', 'a\r\nx: y']]],
  ['connection', more(['connection', 'close'])],
  ['connection that names a field', more(['connection', 'x'], ['x', 'y'])],
  ['proxy-connection', more(['proxy-connection', 'keep-alive'])],
  ['keep-alive', more(['keep-alive', 'timeout=5'])],
  ['transfer-encoding', more(['transfer-encoding', 'chunked'])],
  ['upgrade', more(['upgrade', 'websocket'])],
  ['te other than trailers', more(['te', 'trailers, deflate'])],
  ['a pseudo field behind another field', [...GET.slice(0, 3), ['x', 'y'], ...GET.slice(3)]],
  ['a pseudo field of responses', [...GET, [':status', '200']]],
  ['a pseudo field nobody knows', [...GET, [':x', 'y']]],
  ['a pseudo field in capitals', withField(GET, ':path').concat([[':Path', '/']])],
  ['the name of a pseudo field alone', [...GET, [':', 'y']]],
  ['no method', withField(GET, ':method')],
  ['no scheme', withField(GET, ':scheme')],
  ['no path', withField(GET, ':path')],
  ['an empty method', withField(GET, ':method', '')],
  ['an empty scheme', withField(GET, ':scheme', '')],
  ['an empty path', withField(GET, ':path', '')],
  ['an empty authority in a CONNECT', withField(CONNECT, ':authority', '')],
  ['two methods', withField(GET, ':method', 'GET', 'GET')],
  ['two schemes', withField(GET, ':scheme', 'http', 'http')],
  ['two paths', withField(GET, ':path', '/', '/')],
  ['two authorities', withField(GET, ':authority', 'h.test', 'h.test')],
  ['a scheme that is not HTTP', withField(GET, ':scheme', 'ftp')],
  ['a scheme with more in it', withField(GET, ':scheme', 'http://evil')],
  ['a space in the method', withField(GET, ':method', 'GET /admin HTTP/1.1')],
  ['a line end in the method', withField(GET, ':method', 'GET\r\n')],
  ['a space in the path', withField(GET, ':path', '/a b')],
  ['a request in the path', withField(GET, ':path', '/ HTTP/1.1\r\nHost: evil\r\n\r\nGET /admin')],
  ['a tab in the path', withField(GET, ':path', '/a\tb')],
  ['a fragment in the path', withField(GET, ':path', '/a#b')],
  ['a path without a slash', withField(GET, ':path', 'a')],
  ['a path that is an absolute target', withField(GET, ':path', 'http://evil.test/')],
  ['a path of two stars', withField(GET, ':path', '**')],
  ['a space in the authority', withField(GET, ':authority', 'h.test evil')],
  ['a line end in the authority', withField(GET, ':authority', 'h.test\r\nx: y')],
  ['a host other than the authority', more(['host', 'evil.test'])],
  ['a host with another port', more(['host', 'h.test:80'])],
  ['two hosts, the second one another', more(['host', 'h.test'], ['host', 'evil.test'])],
  ['a length, and no body', more(['content-length', '5'])],
  ['CONNECT with a path', [...CONNECT, [':path', '/']]],
  ['CONNECT with a scheme', [...CONNECT, [':scheme', 'http']]],
  ['CONNECT without an authority', [[':method', 'CONNECT']]],
  [':protocol with GET', [...GET, [':protocol', 'websocket']]],
  ['a tunnel without a path', withField(WEBSOCKET, ':path')],
  ['a tunnel without a scheme', withField(WEBSOCKET, ':scheme')],
  ['a tunnel without an authority', withField(WEBSOCKET, ':authority')],
  ['a tunnel of no protocol', withField(WEBSOCKET, ':protocol', '')],
  ['a tunnel with a line end in the protocol', withField(WEBSOCKET, ':protocol', 'websocket\r\nx: y')],
]

/** Each is answered, as the same request of HTTP/1.1 is. */
const answered: [name: string, status: string, fields: Fields][] = [
  ['no host at all', '400', withField(GET, ':authority')],
  ['an authority with a user', '400', withField(GET, ':authority', 'user@h.test')],
  ['an empty authority', '400', withField(GET, ':authority', '')],
  ['an authority that is a list', '400', withField(GET, ':authority', 'h.test,evil.test')],
  ['two hosts and no authority', '400', [...withField(GET, ':authority'), ['host', 'a'], ['host', 'a']]],
  ['a star in a GET', '400', withField(GET, ':path', '*')],
  ['an escape that is none', '400', withField(GET, ':path', '/%zz')],
  ['two lengths', '400', [...POST, ['content-length', '1'], ['content-length', '1']]],
  ['a length that is a list', '400', [...POST, ['content-length', '1, 1']]],
  ['a length with a sign', '400', [...POST, ['content-length', '+1']]],
  ['an expectation nobody knows', '417', [...POST, ['expect', 'miracles']]],
  ['CONNECT', '405', CONNECT],
  ['TRACE', '405', withField(GET, ':method', 'TRACE')],
  ['too many fields', '431', more(...Array.from({ length: 120 }, (_, at) => [`x-${at}`, 'y'] as const))],
  ['a head that is too large', '431', more(['x', 'y'.repeat(33_000)])],
  ['a tunnel of a protocol that is not allowed', '501', withField(WEBSOCKET, ':protocol', 'h2c')],
]

/** A request line, and `Host` behind it. */
const passed: [name: string, fields: Fields, head: string][] = [
  ['the usual fields', GET, 'GET / HTTP/1.1\r\nhost: h.test\r\n'],
  ['a host that repeats the authority', more(['host', 'H.test']), 'GET / HTTP/1.1\r\nhost: h.test\r\n'],
  [
    'a host instead of an authority',
    [...withField(GET, ':authority'), ['host', 'a.test']],
    'GET / HTTP/1.1\r\nhost: a.test\r\n',
  ],
  [
    'the scheme of TLS, which another proxy has ended',
    withField(GET, ':scheme', 'https'),
    'GET / HTTP/1.1\r\nhost: h.test\r\n',
  ],
  ['a query', withField(GET, ':path', '/a?b=<c>'), 'GET /a?b=<c> HTTP/1.1\r\n'],
  [
    'a star in OPTIONS',
    withField(withField(GET, ':method', 'OPTIONS'), ':path', '*'),
    'OPTIONS * HTTP/1.1\r\n',
  ],
  ['te: trailers', more(['te', 'trailers']), 'GET / HTTP/1.1\r\n'],
  [
    'parts of a cookie',
    more(['cookie', 'a=1'], ['x', 'y'], ['cookie', 'b=2']),
    'GET / HTTP/1.1\r\nhost: h.test\r\nx: y\r\ncookie: a=1; b=2\r\n',
  ],
  ['an empty value', more(['x', '']), 'GET / HTTP/1.1\r\nhost: h.test\r\nx:'],
  ['octets beyond ASCII in a value', more(['x', '\xe9']), 'GET / HTTP/1.1\r\nhost: h.test\r\nx: \xe9\r\n'],
]

describe('a stream is reset, and others go on, for', () => {
  for (const [name, fields] of malformed)
    test(name, async () => {
      await using it = await startFront()
      it.client.request(1, fields).request(3, GET)
      expect(await it.client.settled(1)).toMatchObject({ reset: ERROR.protocol, blocks: [] })
      expect((await it.client.settled(3)).body).toBe('ok')
      expect(it.backend.received).toHaveLength(1)
      expect(it.backend.all).toStartWith('GET / HTTP/1.1\r\nhost: h.test\r\nX-Forwarded-For')
      expect(it.balancer.ended[0]).toMatchObject({ status: 400, cause: 'bad-request' })
    })
})

describe('a request is answered by the balancer for', () => {
  for (const [name, status, fields] of answered)
    test(name, async () => {
      await using it = await startFront()
      it.client.request(1, fields, fields[0]![1] === 'POST' ? 'x' : undefined)
      expect(fieldOf((await it.client.settled(1)).blocks[0], ':status')).toBe(status)
      expect(it.backend.received).toHaveLength(0)
    })
})

describe('a request passes with', () => {
  for (const [name, fields, head] of passed)
    test(name, async () => {
      await using it = await startFront()
      it.client.request(1, fields)
      expect((await it.client.settled(1)).body).toBe('ok')
      expect(it.backend.all).toStartWith(head)
      expect(it.backend.received).toHaveLength(1)
    })
})

describe('the body of a request is refused when', () => {
  const lengths: [name: string, announced: string, frames: readonly string[]][] = [
    ['it is longer than announced', '4', ['hello']],
    ['it is longer than announced, in its second frame', '5', ['hello', '!']],
    ['it is shorter than announced', '6', ['hello']],
    ['there is none', '6', ['']],
    ['there should be none', '0', ['hello']],
  ]
  for (const [name, announced, frames] of lengths)
    test(name, async () => {
      await using it = await startFront()
      const { client } = it
      client.write(
        client.headers(1, [...POST, ['content-length', announced]], false),
        ...frames.map((body, at) => client.data(1, body, at === frames.length - 1)),
      )
      await client.settled(1)
      await eventually(() => client.response(1).reset !== undefined)
      expect(client.response(1).reset).toBe(ERROR.protocol)
    })

  const trailers: [name: string, fields: Fields][] = [
    ['its trailers have a pseudo field', [[':path', '/']]],
    ['its trailers have capital letters', [['X-Sum', '1']]],
    ['its trailers concern a connection', [['transfer-encoding', 'chunked']]],
  ]
  for (const [name, fields] of trailers)
    test(name, async () => {
      await using it = await startFront()
      const { client } = it
      client.write(
        client.headers(1, POST, false),
        client.data(1, 'hello', false),
        client.headers(1, fields, true),
      )
      expect(await client.settled(1)).toMatchObject({ reset: ERROR.protocol })
    })
})
