import { expect, test } from 'bun:test'
import { CompileError, selectAdapter } from '../../src/index.ts'
import type { CompileResult } from '../../src/index.ts'

const adapter = selectAdapter({ name: 'coffeescript' })

function compile(source: string): CompileResult {
  return adapter.compile(source, { filename: '/app/a.coffee', sourceMap: true }) as CompileResult
}

function failure(source: string): CompileError {
  try {
    compile(source)
  } catch (error) {
    if (error instanceof CompileError) return error
    throw error
  }
  throw new Error('it compiled')
}

test('compiles without a wrapper and lists what is imported', () => {
  const { code, dependencies } = compile("import x from 'y'\nz = x 1\n")
  expect(code).toContain('z = x(1);')
  expect(code).not.toContain('function')
  expect(dependencies).toEqual(['y'])
})

test('the map names the file and carries its text', () => {
  const { map } = compile('z = 1\n')
  expect(map?.sources).toEqual(['/app/a.coffee'])
  expect(map?.sourcesContent).toEqual(['z = 1\n'])
})

test('positions of errors are exact', () => {
  const error = failure('a = 1\nb = (\n  x: 1 2\n')
  expect(error).toMatchObject({ reason: 'missing )', line: 2, column: 5, start: 10, end: 11 })
})

test('the whole offending token is marked', () => {
  const error = failure('a = 1\nclass = 2\n')
  expect(error.line).toBe(2)
  expect(error.frame).toContain('> 2 | class = 2')
})

test('an unknown compiler is named together with the known ones', () => {
  expect(() => selectAdapter({ name: 'coffee' })).toThrow(/no compiler named 'coffee'.*coffeescript/)
})
