import { expect, test } from 'bun:test'
import { fitting, fittingFrame } from '../src/terminal/fitting.ts'

test('the first text that fits is taken, the last one if none does, and the first where there is no limit', () => {
  const texts = ['1234567', '12345', '123'] as const
  expect([undefined, 7, 6, 5, 1].map((columns) => fitting(texts, columns))).toEqual([
    '1234567',
    '1234567',
    '12345',
    '12345',
    '123',
  ])
})

test('lines of a code frame are cut around the place that is marked', () => {
  const code = `const a = ${'x'.repeat(40)}(y`
  const at = code.indexOf('(')
  const frame = ['  1 | short', `> 2 | ${code}`, `    | ${' '.repeat(at)}^`].join('\n')
  expect(fittingFrame(frame, 40)).toBe(
    ['  1 | …', `> 2 | …${'x'.repeat(19)}(y`, `    | ${' '.repeat(20)}^`].join('\n'),
  )
  const [, marked = '', carets = ''] = fittingFrame(frame, 40).split('\n')
  expect(marked[carets.indexOf('^')]).toBe('(')
  expect(fittingFrame(frame, 80)).toBe(frame)
  expect(fittingFrame(frame, undefined)).toBe(frame)
})

test('code behind the marked place is cut at the edge, and lines that are no code are kept', () => {
  const frame = [`> 1 | foo ${'x'.repeat(40)}`, '    | ^^^', `at ${'y'.repeat(60)}`].join('\n')
  expect(fittingFrame(frame, 20)).toBe(
    ['> 1 | foo xxxxxxxxx…', '    | ^^^', `at ${'y'.repeat(60)}`].join('\n'),
  )
})
