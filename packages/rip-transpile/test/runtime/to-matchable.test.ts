import { expect, test } from 'bun:test'
import { toMatchable } from '../../src/runtime/to-matchable.ts'

test.each<[unknown, string]>([
  ['text', 'text'],
  ['two\nlines', 'two\nlines'],
  [null, ''],
  [undefined, ''],
  [123, '123'],
  [true, 'true'],
  [['a', 'b'], 'a,b'],
  [Symbol.for('name'), 'name'],
])('%p is matched as %p', (value, text) => {
  expect(toMatchable(value)).toBe(text)
})
