import { describe, expect, test } from 'bun:test'
import { forwardedElement, identify, readStatement } from '../../src/forwarding/client-identity.ts'
import { RequestHead } from '../../src/http1/request-head.ts'
import { SMALL_LIMITS, bytes } from '../http1/feeding.ts'

const trusted = new Set(['10.0.0.1', '10.0.0.2', 'unix'])

function statementOf(fields: string, peer: string): ReturnType<typeof readStatement> {
  const head = new RequestHead(SMALL_LIMITS)
  const raw = bytes(`GET / HTTP/1.1\r\nHost: h\r\n${fields}\r\n`)
  head.feed(raw, 0, raw.length)
  return readStatement(head, identify({ address: peer, port: 4711 }, 'http', trusted), trusted)
}

test('a peer is named without the zone of its address, and as IPv4 where that is mapped into IPv6', () => {
  const named = (address: string): string => identify({ address, port: 1 }, 'http', trusted).address
  expect(['fe80::1%eth0', '::ffff:10.0.0.1', '::ffff:a00:1'].map(named)).toEqual([
    'fe80::1',
    '10.0.0.1',
    '10.0.0.1',
  ])
})

describe('the client behind trusted proxies', () => {
  test('is the rightmost address that is not a proxy', () => {
    const statement = statementOf('X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.0.0.2\r\n', '10.0.0.1')
    expect(statement.address).toBe('192.0.2.1')
    expect(statement.forwardedText).toBe(
      'X-Forwarded-For: 192.0.2.1, 10.0.0.2, 10.0.0.1\r\nX-Real-IP: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n',
    )
  })

  test('is the first one when all are proxies', () => {
    expect(statementOf('X-Forwarded-For: 10.0.0.2\r\n', '10.0.0.1').address).toBe('10.0.0.2')
  })

  test('is the peer when no field names another', () => {
    expect(statementOf('', '10.0.0.1').address).toBe('10.0.0.1')
  })

  test('keeps its scheme only if it is http or https', () => {
    expect(statementOf('X-Forwarded-Proto: https\r\n', '10.0.0.1').scheme).toBe('https')
    expect(statementOf('X-Forwarded-Proto: gopher\r\n', '10.0.0.1').scheme).toBe('http')
  })

  test('is not joined by a Unix peer, which has no address', () => {
    const statement = statementOf('X-Forwarded-For: 192.0.2.1\r\n', 'unix')
    expect(statement.forwardedText).toStartWith('X-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n')
  })
})

describe('forwarded fields of trusted proxies', () => {
  const CLIENTS: readonly (readonly [fields: string, address: string, port: number])[] = [
    ['X-Forwarded-For: 9.9.9.9:5123', '9.9.9.9', 5123],
    ['X-Forwarded-For: [2001:db8::2]:99', '2001:db8::2', 99],
    ['X-Forwarded-For: [2001:db8::2]', '2001:db8::2', 0],
    ['X-Forwarded-For: 2001:DB8:0::02', '2001:db8::2', 0],
    ['X-Forwarded-For: "192.0.2.1"', '192.0.2.1', 0],
    ['X-Forwarded-For: ::ffff:192.0.2.1', '192.0.2.1', 0],
    ['X-Forwarded-For: ::FFFF:c000:201', '192.0.2.1', 0],
    ['X-Forwarded-For: 192.0.2.1, ::ffff:10.0.0.2', '192.0.2.1', 0],
    ['X-Forwarded-For: 192.0.2.1, 10.0.0.2:80', '192.0.2.1', 0],
    ['X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 192.0.2.1', '192.0.2.1', 0],
    ['X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 10.0.0.2', '192.0.2.1', 0],
    ['X-Forwarded-For: 192.0.2.1,,', '192.0.2.1', 0],
    ['Forwarded: for="[2001:db8::2]:99";proto=https', '2001:db8::2', 99],
    ['Forwarded: for="192.0.2.1:_port", For="10.0.0.2:80"', '192.0.2.1', 0],
    ['Forwarded: by="a,b;c"; FOR=192.0.2.1', '192.0.2.1', 0],
    ['Forwarded: for=6.6.6.6\r\nForwarded: for=192.0.2.1', '192.0.2.1', 0],
    ['Forwarded: for=6.6.6.6\r\nX-Forwarded-For: 192.0.2.1', '192.0.2.1', 0],
    ['X-Real-IP: 192.0.2.1', '192.0.2.1', 0],
    ['X-Real-IP: 6.6.6.6\r\nX-Forwarded-For: 192.0.2.1', '192.0.2.1', 0],
  ]
  test.each(CLIENTS)('%j name the client', (fields, address, port) => {
    expect(statementOf(`${fields}\r\n`, '10.0.0.1')).toMatchObject({ address, port })
  })

  const HIDDEN = ['unknown', '_hidden', '_hidden:80', '1.2.3', '1.2.3.4:x', 'client.example', '[1.2.3.4]']
  test.each(HIDDEN)('that say %j make the proxy that sent them the client', (entry) => {
    expect(statementOf(`X-Forwarded-For: 6.6.6.6, ${entry}\r\n`, '10.0.0.1').address).toBe('10.0.0.1')
    expect(statementOf(`X-Forwarded-For: ${entry}, 10.0.0.2\r\n`, '10.0.0.1').address).toBe('10.0.0.2')
  })

  const SCHEMES: readonly (readonly [fields: string, scheme: string])[] = [
    ['X-Forwarded-Proto: https,http', 'https'],
    ['X-Forwarded-Proto: HTTPS', 'https'],
    ['X-Forwarded-Proto: wss', 'https'],
    ['X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https, http', 'https'],
    ['X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Proto: http', 'https'],
    ['X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\nX-Forwarded-Proto: https, http', 'http'],
    ['X-Forwarded-For: unknown\r\nX-Forwarded-Proto: https', 'https'],
    ['Forwarded: for=6.6.6.6;proto=https, for=192.0.2.1;proto=http', 'http'],
    ['Forwarded: for=192.0.2.1;proto=https, for=10.0.0.2;proto=http', 'https'],
    ['Forwarded: for=192.0.2.1\r\nX-Forwarded-Proto: https', 'https'],
  ]
  test.each(SCHEMES)('%j tell the scheme of the client', (fields, scheme) => {
    expect(statementOf(`${fields}\r\n`, '10.0.0.1').scheme).toBe(scheme as 'http')
  })
})

test('an IPv4 address mapped into IPv6 is written as IPv4', () => {
  expect(identify({ address: '::ffff:192.0.2.1', port: 1 }, 'http', trusted).address).toBe('192.0.2.1')
  expect(identify({ address: '::ffff:a00:1', port: 1 }, 'http', trusted)).toMatchObject({
    address: '10.0.0.1',
    trusted: true,
  })
  expect(identify({ address: '2001:db8::1', port: 1 }, 'http', trusted).address).toBe('2001:db8::1')
})

test('Forwarded quotes IPv6 and hides what has no address', () => {
  expect(forwardedElement('2001:db8::1', 'h', 'https')).toBe('for="[2001:db8::1]";host="h";proto=https')
  expect(forwardedElement('unix', 'h', 'http')).toBe('for=unknown;host="h";proto=http')
})
