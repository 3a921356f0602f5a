import { expect, test } from 'bun:test'
import { keyOf } from '../src/terminal/key-of.ts'

test.each([
  ['r', 'r'],
  ['R', 'r'],
  ['?', '?'],
  ['\r', 'enter'],
  ['\n', 'enter'],
  // With Enter, as other programs want it.
  ['r\n', 'r'],
  // Held down.
  ['rrr', 'r'],
  ['\n\n', 'enter'],
])('%j is the key %s', (sent, key) => {
  expect(keyOf(sent)).toBe(key)
})

test.each(['quit', 'rs\n', '\u001b[A', '\u001b', '\t', '\u0004', ''])('%j is no key', (sent) => {
  expect(keyOf(sent)).toBeUndefined()
})
