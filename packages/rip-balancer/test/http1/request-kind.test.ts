import { expect, test } from 'bun:test'
import { RequestHead } from '../../src/http1/request-head.ts'
import { REQUEST_KINDS, requestKind } from '../../src/http1/request-kind.ts'
import { SMALL_LIMITS, bytes } from './feeding.ts'

function kindOf(method: string, target: string, seed = 1): number {
  const head = new RequestHead(SMALL_LIMITS)
  const text = bytes(`${method} ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)
  head.feed(text, 0, text.length)
  expect(head.check()).toBeUndefined()
  return requestKind(head, seed)
}

test('requests of one method and path are of one kind, whatever the numbers in it and the query', () => {
  const one = kindOf('GET', '/orders/7/lines')
  expect(kindOf('GET', '/orders/123/lines?a=1')).toBe(one)
  expect(kindOf('GET', 'http://a/orders/9/lines')).toBe(one)
  expect(kindOf('POST', '/orders/7/lines')).not.toBe(one)
  expect(kindOf('GET', '/orders/7/other')).not.toBe(one)
})

test('which paths share a number cannot be known without the seed', () => {
  const paths = Array.from(
    { length: 500 },
    (_, n) => `/${String.fromCharCode(97 + (n % 26))}${'x'.repeat(n % 90)}y`,
  )
  const shares = (seed: number): boolean[] =>
    paths.map((path) => kindOf('GET', path, seed) === kindOf('GET', '/', seed))
  expect(shares(12_345)).not.toEqual(shares(67_890))
  for (const path of paths) expect(kindOf('GET', path)).toBeLessThan(REQUEST_KINDS)
})
