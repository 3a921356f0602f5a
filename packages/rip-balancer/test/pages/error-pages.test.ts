import { describe, expect, test } from 'bun:test'
import { STATUS_CODES } from 'node:http'
import { errorPages } from '../../src/pages/error-pages.ts'

const typeFor = (accept: string | undefined): string => errorPages.render(502, 'r1', accept).contentType

describe('an error page', () => {
  test.each([400, 401, 403, 404, 405, 408, 413, 414, 417, 421, 426, 429, 431, 500, 501, 502, 503, 504, 505])(
    'for %d has the title node:http has for it, or the newer one of RFC 9110 that is in the status line',
    (status) => {
      const { body } = errorPages.render(status, 'id', 'text/plain')
      expect(body).toStartWith(`${status} ${status === 413 ? 'Content Too Large' : STATUS_CODES[status]}\n`)
    },
  )

  for (const [accept, type] of [
    [undefined, 'text/plain; charset=utf-8'],
    ['*/*', 'text/plain; charset=utf-8'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/html; charset=utf-8'],
    ['application/json, text/plain, */*', 'application/json'],
    ['application/problem+json', 'application/json'],
    ['text/html;q=0.5, application/json', 'application/json'],
    ['text/html;q=0, */*', 'text/plain; charset=utf-8'],
    ['TEXT/HTML', 'text/html; charset=utf-8'],
    ['text/html;q=nonsense', 'text/plain; charset=utf-8'],
  ] as const)
    test(`for Accept: ${accept ?? '(none)'} is ${type}`, () => {
      expect(typeFor(accept)).toBe(type)
    })

  test('shows the request id in every form', () => {
    for (const accept of ['text/html', 'application/json', undefined])
      expect(String(errorPages.render(503, 'id-77', accept).body)).toContain('id-77')
  })

  test('has a text for any status', () => {
    expect(String(errorPages.render(418, 'r1', undefined).body)).toStartWith("418 I'm a Teapot\n")
    expect(String(errorPages.render(599, 'r1', undefined).body)).toStartWith('599 Error\n')
  })
})
