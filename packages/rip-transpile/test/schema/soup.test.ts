import { expect, test } from 'bun:test'
import { parse } from 'acorn'
import fc from 'fast-check'
import { CompileError } from '../../src/compile-error.ts'
import { compile } from '../../src/compiler/index.ts'

const WORDS = (
  'a! b? name string integer email Address string[] ~integer ~:money "x" "y" | , 1..2 ..5 3.. -1 [ ] ["x"] [:a] /x/ {was:"b"} ' +
  '-> ~> !> it.a @a ( ) (u) : ; :kind :enum :shape @mixin @ensure @ensure! @on @unique "message" Base x: y:~> f:-> if then ' +
  'schema = # true null'
).split(' ')

/** Correct lines, so that whole bodies are accepted now and then. */
const RIGHT = [
  'a! string, 1..2',
  'b? integer',
  'c "x" | "y", ["x"]',
  'd! /x/i',
  'e! ~integer',
  'g string[], ..5',
  'h! -> it.a',
  'm: (n) -> @a',
  'n: ~> @a',
  'o: !> @a',
  '@ensure "message", (u) -> u.a',
  '@mixin Base',
  ':k',
  ':l 2',
  '@on :kind',
  'A',
  'B',
]

const soup = fc
  .array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 8 })
  .map((words) => words.join(' '))
const line = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...RIGHT) }, { weight: 1, arbitrary: soup })

const program = fc
  .tuple(
    fc.constantFrom(
      'X = schema',
      'X = schema :shape',
      'X = schema :enum',
      'X = schema :union',
      'X = schema :mixin',
      'f (schema',
    ),
    fc.array(fc.tuple(fc.constantFrom('  ', '  ', '    ', ''), line), { minLength: 1, maxLength: 5 }),
    fc.constantFrom('\n', '; '),
  )
  .map(([head, lines, separator]) =>
    [head, ...lines.map(([indent, text]) => `${indent}${text}`)].join(separator),
  )

test('any body is compiled to JavaScript, or refused with a position', () => {
  let accepted = 0
  fc.assert(
    fc.property(program, (source) => {
      let code: string
      try {
        code = compile(source).code
      } catch (error) {
        if (!(error instanceof CompileError)) throw error
        expect(error.line).toBeGreaterThan(0)
        return
      }
      accepted++
      parse(code, { ecmaVersion: 'latest', sourceType: 'module', allowAwaitOutsideFunction: true })
    }),
    { numRuns: 2000 },
  )
  expect(accepted).toBeGreaterThan(100)
})
