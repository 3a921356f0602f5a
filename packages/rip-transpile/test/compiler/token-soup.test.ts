import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { CompileError } from '../../src/compile-error.ts'
import { compile } from '../../src/compiler/index.ts'

const TOKENS =
  'a b it f g 0 1 2.5 5n "s" "#{ } \' \'\'\' """ /x/ /// ( ) [ ] { } , ; : . .. ... ?. :: @ @a -> => = =! := ~= .= ~> ' +
  '+ - * / % ** // %% += ?= ??= or= == != === < > <= >= =~ & | ^ << >> ! ? ?! ?? and or not is isnt in of as as! by ' +
  'if else unless then for own while until loop when switch try catch finally return throw break continue ' +
  'class extends super new def do await yield import export from default enum type interface schema component ' +
  'typeof delete instanceof this null undefined true no %w[ *{ *> .{ :name _ # ### \\ ` ; $ __DATA__'

const LAYOUT = [' ', ' ', ' ', '', '\n', '\n  ', '\n    ', '\n\t', '\r\n']

const MAX_TOKENS = 60

const soup = fc
  .array(fc.tuple(fc.constantFrom(...TOKENS.split(' ')), fc.constantFrom(...LAYOUT)), {
    maxLength: MAX_TOKENS,
  })
  .map((pieces) => pieces.map(([token, blank]) => token + blank).join(''))

/** Programs that are right but for one place. */
const damaged = fc
  .tuple(
    fc.constantFrom(
      'f = (a, {b = 1}, ...c) ->\n  for x, i in c when x > a by 2\n    g x, i\n  b\n',
      'class A extends B\n  size = 1\n  constructor: (@x) ->\n    super()\n  go: => await @load!\n',
      'x = switch a\n  when 1, 2 then "#{b}"\n  else c ? d : e\ntry f! x catch e then p e\n',
    ),
    fc.nat(200),
    fc.nat(8),
    fc.constantFrom(...TOKENS.split(' '), ...LAYOUT),
  )
  .map(([source, at, cut, token]) => source.slice(0, at) + token + source.slice(at + cut))

/** Compiles; gives the error of a source that is refused. */
function refusal(source: string): CompileError | undefined {
  try {
    compile(source, { sourceMap: true })
    return undefined
  } catch (error) {
    if (error instanceof CompileError) return error
    throw error
  }
}

function checkRefusal(source: string): void {
  const error = refusal(source)
  if (!error) return
  const lines = source.split('\n')
  expect(error.start).toBeGreaterThanOrEqual(0)
  expect(error.start).toBeLessThanOrEqual(source.length)
  expect(error.line).toBeGreaterThanOrEqual(1)
  expect(error.line).toBeLessThanOrEqual(lines.length)
  expect(error.column).toBeGreaterThanOrEqual(1)
  expect(error.column).toBeLessThanOrEqual(lines[error.line - 1]!.length + 1)
  expect(error.reason).not.toBe('')
}

describe('a program is compiled or refused at a place in it', () => {
  test('tokens in any order', () => {
    fc.assert(fc.property(soup, checkRefusal), { numRuns: 2000 })
  })

  test('programs with one place damaged', () => {
    fc.assert(fc.property(damaged, checkRefusal), { numRuns: 1000 })
  })

  test('any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 80 }), checkRefusal), { numRuns: 500 })
  })
})
