import { expect, test } from 'bun:test'
import { fileURLToPath } from 'node:url'
import { CompileError, selectAdapter } from '../../src/index.ts'
import type { CompileResult } from '../../src/index.ts'

const OWN_ROOT = fileURLToPath(new URL('../..', import.meta.url))
const adapter = selectAdapter({ name: 'coffeescript', root: OWN_ROOT })

function failure(source: string): CompileError {
  try {
    void adapter.compile(source, { filename: '/app/a.coffee' })
  } catch (error) {
    if (error instanceof CompileError) return error
    throw error
  }
  throw new Error('it compiled')
}

test('nothing is wrapped around the module', () => {
  const { code } = adapter.compile('z = 1\n') as CompileResult
  expect(code).not.toContain('function')
})

test('positions of errors are exact', () => {
  const error = failure('a = 1\nb = (\n  x: 1 2\n')
  expect(error).toMatchObject({ reason: 'missing )', line: 2, column: 5, start: 10, end: 11 })
})

test('the whole offending token is marked', () => {
  const { frame } = failure('a = 1\nb = "abc" "def"\n')
  expect(frame).toContain('> 2 | b = "abc" "def"\n    |     ^^^^^\n')
})

test('literate files are recognised by their ending', () => {
  const { code } = adapter.compile('Prose.\n\n    a = 1\n', { filename: 'a.litcoffee' }) as CompileResult
  expect(code).toContain('a = 1;')
})
