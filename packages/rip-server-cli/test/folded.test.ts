import { expect, test } from 'bun:test'
import { folded } from '../src/terminal/folded.ts'

test('lines that are too wide are folded between words, others are left as they are', () => {
  expect(folded('one two three four', 9, 2)).toBe('one two\n  three\n  four')
  expect(folded('one two\na', 9, 2)).toBe('one two\na')
  expect(folded('one two three four', undefined, 2)).toBe('one two three four')
})

test('words that are too wide, styles, and spaces at the begin are kept', () => {
  expect(folded('a /srv/a/long/path b', 8, 2)).toBe('a\n  /srv/a/long/path\n  b')
  expect(folded('\u001b[31mone\u001b[39m two', 7, 2)).toBe('\u001b[31mone\u001b[39m two')
  expect(folded('  note  one two', 11, 8)).toBe('  note  one\n        two')
})
