import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { CompileError } from '../src/index.ts'

function errorAt(source: string, start: number, end: number, hint?: string): CompileError {
  const detail = { reason: 'unexpected thing', filename: 'a.rip', source, start, end }
  return new CompileError(hint === undefined ? detail : { ...detail, hint })
}

test('counts lines and columns from 1 and marks the characters', () => {
  const error = errorAt('a = 1\nb = what\n', 10, 14)
  expect([error.line, error.column, error.length]).toEqual([2, 5, 4])
  expect(error.frame).toBe('  1 | a = 1\n> 2 | b = what\n    |     ^^^^\n  3 |')
})

test('the message has the position, the frame and the hint', () => {
  const { message } = errorAt('x', 0, 1, 'write y')
  expect(message).toBe('a.rip:1:1: unexpected thing\n\n> 1 | x\n    | ^\n\nwrite y')
})

test('tabs before the position stay tabs in the marker line', () => {
  expect(errorAt('\t\tx y', 4, 5).frame).toBe('> 1 | \t\tx y\n    | \t\t  ^')
})

test('the end of the input is a valid position', () => {
  const error = errorAt('a = (', 99, 99)
  expect([error.line, error.column, error.start, error.length]).toEqual([1, 6, 5, 1])
})

test('a marker over several lines ends with the first line', () => {
  expect(errorAt('ab\ncd\n', 1, 5).frame).toBe('> 1 | ab\n    |  ^\n  2 | cd\n  3 |')
})

test('of a long line, as in minified code, the part around the position is shown', () => {
  const long = 'x'.repeat(5000)
  const marked = (source: string, at: number): string => {
    const [text = '', carets = ''] = errorAt(source, at, at + 3)
      .frame.split('\n')
      .filter((row) => !/^ +\d/.test(row))
    return text.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1)
  }
  expect(marked(`${long}why${long}`, 5000)).toBe('why')
  expect(marked(`why${long}`, 0)).toBe('why')
  expect(marked(`${long}why`, 5000)).toBe('why')
  expect(marked(`\t${'y'.repeat(70)}why${long}`, 71)).toBe('why')
  const { frame } = errorAt(`${long}\n${long}why${long}\n${long}`, 10_001, 10_004)
  expect(frame.split('\n').map((row) => row.length < 175)).toEqual([true, true, true, true])
  expect(frame).toMatch(/> 2 \| …x+whyx+…\n/)
})

test('a surrogate pair at the edge of that part stays whole', () => {
  for (const shift of ['', 'x']) {
    const { frame } = errorAt(`${shift}${'😀'.repeat(500)}`, 500, 501)
    expect(frame.isWellFormed()).toBe(true)
  }
})

test('printing it shows the message and no frames of the compiler', () => {
  const error = errorAt('x', 0, 1)
  expect(Bun.inspect(error).trim()).toBe(`CompileError: ${error.message}`)
  expect(error.stack).toBe(`CompileError: ${error.message}`)
  expect(Error.stackTraceLimit).toBeGreaterThan(0)
})

test('no position is outside the source', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: -5, max: 50 }), fc.nat(50), (source, start, length) => {
      const error = errorAt(source, start, start + length)
      const lines = source.split('\n')
      expect(error.line).toBeWithin(1, lines.length + 1)
      expect(error.column).toBeWithin(1, (lines[error.line - 1] ?? '').length + 2)
      expect(error.start).toBeWithin(0, source.length + 1)
      expect(error.end).toBeGreaterThan(error.start)
    }),
  )
})

test('is recognised by its code, also if it comes from another copy of the class', () => {
  const error = errorAt('a', 0, 1)
  const copied = Object.assign(new Error('x'), { code: 'RIP_COMPILE' })
  expect([error, copied, new Error('x'), null, 'RIP_COMPILE'].map((each) => CompileError.is(each))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
})
