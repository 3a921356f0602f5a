import { describe, expect, test } from 'bun:test'
import { CompileError } from '../../src/compile-error.ts'
import { compile } from '../../src/compiler/index.ts'

const SIZE = 1_000_000
/** Linear work takes a few seconds of a processor, on a busy machine as well; quadratic work takes minutes. */
const LIMIT_CPU_MS = 30_000
const TIMEOUT_MS = 600_000

function repeated(text: string): string {
  return text.repeat(Math.ceil(SIZE / text.length))
}

const SOURCES: Readonly<Record<string, string>> = {
  'functions and calls': repeated('f = (a, b) -> a + b * 2\nx = f 1, 2 if y\n'),
  'loops behind a value': repeated('x for x in y when z\n'),
  'open parentheses': '('.repeat(SIZE),
  'open interpolations': repeated('"#{'),
  'one line of names': repeated('a '),
  'one line of arrows': repeated('-> '),
  'one line of alternatives': repeated('f a or '),
  'an open text': `"""${repeated('\n  abc')}`,
}

describe('a megabyte is compiled or refused in time', () => {
  for (const [name, source] of Object.entries(SOURCES)) {
    test(
      name,
      () => {
        const before = process.cpuUsage()
        expect(['compiled', 'refused']).toContain(outcome(source))
        const { user, system } = process.cpuUsage(before)
        expect((user + system) / 1_000).toBeLessThan(LIMIT_CPU_MS)
      },
      TIMEOUT_MS,
    )
  }
})

test('in dialect 3, the code after each alternative is read ahead once', () => {
  const { code } = compile(`x = ${'f a or '.repeat(300)}b`, { dialect: 3 })
  expect(code.match(/f\(a\)/g)).toHaveLength(300)
})

function outcome(source: string): 'compiled' | 'refused' {
  try {
    compile(source)
    return 'compiled'
  } catch (error) {
    if (error instanceof CompileError) return 'refused'
    throw error
  }
}
