import { describe, expect, test } from 'bun:test'
import { forwardedElement, identify, readStatement } from '../../src/exchange/client-identity.ts'
import { RequestHead } from '../../src/http1/request-head.ts'
import { SMALL_LIMITS, bytes } from '../http1/feeding.ts'

const trusted = new Set(['10.0.0.1', '10.0.0.2', 'unix'])

function statementOf(fields: string, peer: string): ReturnType<typeof readStatement> {
  const head = new RequestHead(SMALL_LIMITS)
  const raw = bytes(`GET / HTTP/1.1\r\nHost: h\r\n${fields}\r\n`)
  head.feed(raw, 0, raw.length)
  return readStatement(head, identify(peer, 'http', trusted), trusted)
}

describe('the client behind trusted proxies', () => {
  test('is the rightmost address that is not a proxy', () => {
    const statement = statementOf('X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.0.0.2\r\n', '10.0.0.1')
    expect(statement.address).toBe('192.0.2.1')
    expect(statement.forwardedText).toStartWith('X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.0.0.2, 10.0.0.1\r\n')
  })

  test('is the first one when all are proxies', () => {
    expect(statementOf('X-Forwarded-For: 10.0.0.2\r\n', '10.0.0.1').address).toBe('10.0.0.2')
  })

  test('is the peer when nobody is named', () => {
    expect(statementOf('', '10.0.0.1').address).toBe('10.0.0.1')
  })

  test('keeps its scheme only if that is one', () => {
    expect(statementOf('X-Forwarded-Proto: https\r\n', '10.0.0.1').scheme).toBe('https')
    expect(statementOf('X-Forwarded-Proto: gopher\r\n', '10.0.0.1').scheme).toBe('http')
  })

  test('is not joined by a Unix peer, which has no address', () => {
    const statement = statementOf('X-Forwarded-For: 192.0.2.1\r\n', 'unix')
    expect(statement.forwardedText).toStartWith('X-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n')
  })
})

test('an IPv4 address mapped into IPv6 is written as IPv4', () => {
  expect(identify('::ffff:192.0.2.1', 'http', trusted).address).toBe('192.0.2.1')
  expect(identify('2001:db8::1', 'http', trusted).address).toBe('2001:db8::1')
})

test('Forwarded quotes IPv6 and hides what has no address', () => {
  expect(forwardedElement('2001:db8::1', 'h', 'https')).toBe('for="[2001:db8::1]";host="h";proto=https')
  expect(forwardedElement('unix', 'h', 'http')).toBe('for=unknown;host="h";proto=http')
})
