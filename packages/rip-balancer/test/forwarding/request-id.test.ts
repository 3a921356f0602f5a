import { expect, test } from 'bun:test'
import { requestIdText, writeRequestIdField } from '../../src/forwarding/request-id.ts'

const field = (id: string | number): string => {
  const out = Buffer.alloc(200)
  return out.toString('latin1', 3, writeRequestIdField(id, out, 3))
}

test('field and text have the same number in base 36 with eight digits, in any sequence', () => {
  const numbers = [1, 35, 36, 36 ** 4 - 1, 36 ** 4, 36 ** 4 + 1, 7, 36 ** 8 - 1, 2 ** 31, 2 ** 40 + 12_345, 0]
  for (const number of numbers) {
    const digits = number.toString(36).padStart(8, '0')
    expect(requestIdText(number)).toMatch(new RegExp(`^[0-9a-f]{20}-${digits}$`))
    expect(field(number)).toBe(`X-Request-Id: ${requestIdText(number)}\r\n`)
  }
})

test('a given id is written unchanged', () => {
  expect(field('abc-1')).toBe('X-Request-Id: abc-1\r\n')
})
