import { expect, test } from 'bun:test'
import { logLine } from '../../src/output/log-record.ts'
import { safeText } from '../../src/output/safe-text.ts'

test.each([
  ['\u001b]0;OWNED\u0007', '\\x1b]0;OWNED\\x07'],
  ['\u001b[2J\u001b[H', '\\x1b[2J\\x1b[H'],
  ['hidden\rw1 | forged', 'hidden\\x0dw1 | forged'],
  ['\u009b2J', '\\x9b2J'],
  ['\u001b', '\\x1b'],
  ['\u202egnp.exe', '\\x202egnp.exe'],
  ['a\u2028line\u2029of its own', 'a\\x2028line\\x2029of its own'],
])('%j is shown, not obeyed', (text, shown) => {
  expect(safeText(text)).toBe(shown)
})

test.each(['\u001b[31mred\u001b[0m', '\u001b[1;38:2::255:0:0mstyle\u001b[m', 'a\tb\nc', 'ünï ✓ 日本'])(
  '%j stays unchanged',
  (text) => {
    expect(safeText(text)).toBe(text)
  },
)

test('a line of a worker is printed that way on a terminal, and unchanged with raw', () => {
  const record = {
    name: 'w1',
    worker: undefined,
    stream: 'stdout',
    text: 'a\rb',
    continues: false,
    atMs: 0,
  } as const
  expect(logLine(record, 'text', false)).toBe('w1 | a\\x0db')
  expect(logLine(record, 'raw', false)).toBe('a\rb')
})
