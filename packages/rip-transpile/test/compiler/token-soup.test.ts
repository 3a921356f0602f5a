import { describe, expect, test } from 'bun:test'
import { parse } from 'acorn'
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

/** Meaningful phrases, so that more combinations are accepted. */
const PHRASES =
  'a|b|f x|f! x|x = |x =! 1|y := 2|z ~= y|~> y|(a, b) ->|(a) =>|->|=>|def g(a)|class A|class B extends A|m: ->|k: v|k: -> super()|' +
  'super.x|super a|yield a|await a|if a|else|unless b|for x in y|for k, v of o|for [a, b] as! it|while a|switch a|when 1, 2|try|' +
  'catch e|catch {message}|finally|return|return a|break|continue|throw e|(|)|[|]|{|}|, |a?.b|a?.b = c|a?[0] += 1|a::b|' +
  'o.{a, b: c = 1}|a[1..2]|[1..n]|"#{a}"|"""\n  t\n  """|/x/g|a =~ /x/|s[/x/, 1]|*{a: 1}|:sym|%w[a b]|a .= b()|*>a = b|a //= b|' +
  'a.b %%= c|a ? b : c|a if b else c|a or return|x = a ?? return|not a|a in b|a not in b|a < b < c|[a, ...b, c] = d|' +
  '{a, b: {c}} = d|(a, ..., b) ->|({a = 1}, ...r) ->|constructor: (@a) ->|@x = 1|@m: =>|x = 1|import a from "b"|import {a} from "b"|' +
  'export a = 1|export def h|export default a|enum E|A = 1|type T = a|x: number = 1|delete a.b|typeof a|new A|new A b|do ->|' +
  'loop|loop 3|(x for x in y)|{k: v for k, v of o}|a ** b|-a ** b|a++|--a|a as T|arguments|it|_|new.target|import.meta|f?! x|x?!|x?|then|;'

const INDENTS = ['\n', '\n  ', '\n    ', '\n      ']

const phrases = fc
  .array(fc.tuple(fc.constantFrom(...PHRASES.split('|')), fc.constantFrom(' ', ' ', ...INDENTS)), {
    maxLength: 14,
  })
  .map((pieces) => pieces.map(([phrase, blank]) => phrase + blank).join(''))

/** Correct programs with one place changed. */
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

/** Compiles, and returns the error of a refused source. Accepted source must give valid JavaScript. */
function refusal(source: string): CompileError | undefined {
  let code: string
  try {
    code = compile(source, { sourceMap: true }).code
  } catch (error) {
    if (error instanceof CompileError) return error
    throw error
  }
  // Text between backticks is JavaScript of the user.
  if (!source.includes('`')) parse(code, { ecmaVersion: 'latest', sourceType: 'module' })
  return undefined
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

describe('a program is compiled, or refused with a position inside it', () => {
  test('tokens in any order', () => {
    fc.assert(fc.property(soup, checkRefusal), { numRuns: 2000 })
  })

  test('phrases in any order', () => {
    fc.assert(fc.property(phrases, checkRefusal), { numRuns: 3000 })
  })

  test('programs with one place damaged', () => {
    fc.assert(fc.property(damaged, checkRefusal), { numRuns: 1000 })
  })

  test('any text', () => {
    // The built-in alphabets take seconds to set up on a busy machine.
    const unit = fc.nat({ max: 0xff_ff }).map((code) => String.fromCharCode(code))
    fc.assert(fc.property(fc.string({ unit, maxLength: 80 }), checkRefusal), { numRuns: 500 })
  })
})
