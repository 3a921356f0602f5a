import { expect, test } from 'bun:test'
import { printable } from '../src/serve/printable.ts'

test.each([
  ['a title\u001b]0;OWNED\u0007', 'a title\\x1b]0;OWNED\\x07'],
  ['\r  rewritten', '\\x0d  rewritten'],
  ['\u009b31m eight bits', '\\x9b31m eight bits'],
  ['\u202etxt.exe', '\\x202etxt.exe'],
  ['a\u2028line\u2029of its own', 'a\\x2028line\\x2029of its own'],
  ['line\n\tnext, ünï ✓', 'line\n\tnext, ünï ✓'],
])('nothing in %j drives a terminal', (text, expected) => {
  expect(printable(text)).toBe(expected)
})
