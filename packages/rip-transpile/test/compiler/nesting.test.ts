import { describe, expect, test } from 'bun:test'
import { CompileError } from '../../src/compile-error.ts'
import { compile } from '../../src/compiler/index.ts'

const DEPTH = 5000

function staircase(head: string): string {
  const lines = Array.from({ length: DEPTH }, (_, depth) => ' '.repeat(depth) + head)
  return [...lines, ' '.repeat(DEPTH) + 'x'].join('\n')
}

function chain(operator: string): string {
  return Array.from({ length: DEPTH }, () => 'a').join(operator)
}

/** Far more than real programs have: the test is that the compiler itself gives the answer. */
const SOURCES: Readonly<Record<string, string>> = {
  parentheses: '('.repeat(DEPTH) + '1' + ')'.repeat(DEPTH),
  'open parentheses': '('.repeat(DEPTH),
  arrays: '['.repeat(DEPTH) + ']'.repeat(DEPTH),
  objects: '{a:'.repeat(DEPTH) + '1' + '}'.repeat(DEPTH),
  interpolations: '"#{'.repeat(DEPTH / 10) + '1' + '}"'.repeat(DEPTH / 10),
  'indented ifs': staircase('if a'),
  'indented arrows': staircase('f ->'),
  'indented keys': staircase('a:'),
  'else if': 'if a\n  b\n' + 'else if a\n  b\n'.repeat(DEPTH),
  sums: chain(' + '),
  alternatives: chain(' or '),
  powers: chain(' ** '),
  assignments: chain(' = '),
  memberships: chain(' in '),
  members: chain('.'),
  calls: 'a' + '()'.repeat(DEPTH),
  'calls on lines of their own': 'a\n' + '  .b()\n'.repeat(DEPTH),
  'arguments of arguments': 'f '.repeat(DEPTH) + '1',
  slices: 'a' + '[0..1]'.repeat(DEPTH),
  prototypes: 'a' + '::b'.repeat(DEPTH),
  awaits: 'a' + '!'.repeat(DEPTH),
  negations: 'not '.repeat(DEPTH) + 'a',
  ternaries: 'a ? 1 : '.repeat(DEPTH) + '2',
  'ifs behind a value': 'a' + ' if b'.repeat(DEPTH),
  'loops behind a value': 'a' + ' for x in y'.repeat(DEPTH),
  patterns: '['.repeat(DEPTH) + 'a' + ']'.repeat(DEPTH) + ' = b',
}

describe(`${DEPTH} levels are compiled or refused`, () => {
  for (const [name, source] of Object.entries(SOURCES)) {
    test(name, () => {
      const outcome = attempt(source)
      if (outcome instanceof CompileError) expect(outcome.reason).toBe('this is nested too deeply')
      else expect(outcome).toBeString()
    })
  }
})

function attempt(source: string): unknown {
  try {
    return compile(source).code
  } catch (error) {
    return error
  }
}

test('a sum of 5,000 terms is compiled', () => {
  expect(compile(`x = ${chain(' + ')}`).code.match(/\+/g)).toHaveLength(DEPTH - 1)
})

test('nesting of realistic depth is compiled', () => {
  expect(compile('('.repeat(60) + '1' + ')'.repeat(60)).code).toContain('1')
})
