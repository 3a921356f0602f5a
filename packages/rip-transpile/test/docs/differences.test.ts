/** The claims of docs/rip-differences.md, in the order of its lines. */
import { describe, expect, test } from 'bun:test'
import { compile } from '../../src/compiler/index.ts'
import type { CompileOptions } from '../../src/index.ts'

type Claim = readonly [what: string, source: string, value: unknown, options?: CompileOptions]
type Refusal = readonly [what: string, source: string, message: string]

function run(source: string, options?: CompileOptions): unknown {
  const { code } = compile(source, { ...options, runtime: 'inline' })
  // oxlint-disable-next-line no-eval
  return (0, eval)(`(() => { "use strict"; return eval(${JSON.stringify(code)}) })()`)
}

function check(claims: readonly Claim[], refusals: readonly Refusal[]): void {
  test.each(claims)('%s', async (_, source, value, options) => {
    expect(await run(source, options)).toEqual(value)
  })
  test.each(refusals)('%s is refused', (_, source, message) => {
    expect(() => compile(source)).toThrow(message)
  })
}

describe('from CoffeeScript', () => {
  check(
    [
      ['dots in front', 'f = (a, ...b) -> [...b, a]\nf(...[1, 2, 3])', [2, 3, 1]],
      ['for as', '(x for x as new Set [1, 2])', [1, 2]],
      ['for as!', 'f = ->\n  x for x as! [1, 2]\nf()', [1, 2]],
      ['for await as', 'f = ->\n  x for await x as [1, 2]\nf()', [1, 2]],
      ['the other value if absent', 'a = null\na ?? 2', 2],
      ['choice', 'a = 0\na ? 1 : 2', 2],
      ['heredoc', 'a = """\n  b\n  c\n  """', 'b\nc'],
      ['operator at the end of a line', 'a = 1 +\n  2', 3],
      ['field', 'class A\n  x = 5\nnew A().x', 5],
      ['splice', 'a = [1, 2, 3]\na.splice 1, 1, 9\na', [1, 9, 3]],
      ['promoted parameter of a constructor', 'class A\n  constructor: (@x) ->\nnew A(3).x', 3],
      [
        'super with its arguments',
        'class A\n  f: (x) -> x\nclass B extends A\n  f: (x) -> super(x) + 1\nnew B().f 1',
        2,
      ],
      ['one object', '({k: 1 for k in ["a", "b"]})', { a: 1, b: 1 }],
      ['dollar interpolation', 'x = 1\n"a${x}\\${x}"', 'a1${x}'],
      [
        'in a text and among keys',
        's = "abc"\no = { k: 1 }\n["b" in s, "k" in o, 1 in [1]]',
        [true, true, true],
      ],
      ['fresh variable of a loop', 'fs = []\nfor n in [1, 2]\n  fs.push -> n\nfs.map (f) -> f()', [1, 2]],
      ['each part evaluated once', 'n = 0\nf = -> n++; { a: 7 }\nf().a //= 2\nf()?.a = 1\nn', 2],
      ['await as !', 'f = -> Promise.resolve 2\ng = -> f! + 1\ng()', 3],
      ['def', 'x = f 1\ndef f(n)\n  n + 1\nx', 2],
      ['constants', 'A =! 1\nA', 1],
      ['guards', 'f = (x) ->\n  x or return 0\n  x + 1\n[f(0), f(1)]', [0, 2]],
      ['matches', '"a1" =~ /\\d/\n[_[0], "b22"[/\\d+/]]', ['1', '22']],
      ['pick', '({ a: 1, b: 2, c: 3 }).{a, b: d}', { a: 1, d: 2 }],
      ['method assignment', 'x = " a "\nx .= trim()\nx', 'a'],
      ['merge', 'o = { a: 1 }\n*>o = { b: 2 }\no', { a: 1, b: 2 }],
      ['symbols', ':a is Symbol.for "a"', true],
      ['maps', '[...*{ a: 1 }]', [['a', 1]]],
      ['word lists', '%w[a b]', ['a', 'b']],
      ['last element', '[1, 2][-1]', 2],
      ['repeated text', '"-" * 3', '---'],
      ['it', '[1, 2].map -> it * 2', [2, 4]],
      ['enums', 'enum A\n  b\n  c\n[A.c, A[0]]', [1, 'b']],
      ['reactive values', 'a := 1\nb ~= a + 1\na = 5\nb', 6],
      ['standard globals', 'kind []', 'array'],
      ['data', 'DATA\n__DATA__\nx\n', 'x\n'],
    ],
    [
      ['dots behind', 'f = (a...) ->', '...'],
      ['for from', 'for x from y\n  1', 'as'],
      ['binary ?', 'a = b ? c', '??'],
      ['a text in quotes over lines', 'a = "b\nc"', '"""'],
      ['a backslash', 'a = 1 + \\\n  2', 'backslash'],
      ['a pair in a class', 'class A\n  x: 5', 'x = …'],
      ['a slice as target', 'a[1..2] = [1]', 'splice()'],
      ['a promoted parameter elsewhere', 'f = (@x) ->', 'constructor'],
      ['bare super', 'class A extends B\n  f: -> super', 'super'],
      ['two parameters of one name', 'f = (a, a) ->', 'a'],
      ['a write to a constant', 'A =! 1\nA = 2', 'constant'],
      ['a write to an import', 'import a from "b"\na = 2', 'import'],
      ['a class and a function of one name', 'class A\ndef A\n  1', 'A'],
      ['return outside of functions', 'return 1', 'return'],
      ['08', 'a = 08', ''],
      ['flags that no engine takes', 'a = /b/gg', ''],
    ],
  )

  test('the output is modern JavaScript', () => {
    const { code } = compile('a = b ?? 1\nclass C\n  x = 1\nc = d?.e\nx = 1\nx = 2\n')
    for (const part of ['const a', '??', '?.', 'let x', 'x = 1;']) expect(code).toContain(part)
  })
})

describe('from version 3', () => {
  check(
    [
      ['or belongs to the last argument', 'f = (a, b) -> b or "none"\nf 1, 0 or 2', 2],
      ['dialect 3: or ends the call', 'f = (a, b) -> b or "none"\nf 1, 0 or 2', 'none', { dialect: 3 }],
      ['a symbol with a dot', ':a.b is Symbol.for "a.b"', true],
      ['dialect 3: a property of a symbol', ':a.description', 'a', { dialect: 3 }],
      ['a text of several lines', '("a\\nb" =~ /b/)?', true],
      ['operands once', 'n = 0\nf = -> n++; [7, 7]\nf()[0] //= 2\nf()[0] %%= 2\nn', 2],
      ['when a, b', 'switch\n  when 1 > 2, 2 > 1 then "yes"\n  else "no"', 'yes'],
      ['negative by', '(n for n in [1, 2, 3] by -1)', [3, 2, 1]],
      ['computed by', 'step = -2\n(n for n in [1, 2, 3] by step)', [3, 1]],
      [
        'fields and methods mixed',
        'class A\n  f: -> 1\n  x = 2\n  g: -> 3\n[new A().f(), new A().x, new A().g()]',
        [1, 2, 3],
      ],
      ['names of helpers', 'result = 1\narray = (result for n in [1, 2])\narray', [1, 1]],
      ['a pattern in catch', 'try\n  throw new Error "x"\ncatch {message}\n  message', 'x'],
      ['backticks', '`1 + 1`', 2],
      ['for without a variable', 'n = 0\nfor [1..3]\n  n++\nn', 3],
      ['try on one line', 'f = -> try a.b; 1 catch e then 2\nf()', 2],
      ['a computed key of a map', 'k = 1\n*{ (k): 2, [k + 1]: 3 }.size', 2],
      ['a compound key in a class', 'class A\n  data-id: -> 7\nnew A()["data-id"]()', 7],
      ['a guard at the end', 'f = (x) -> x or return 3\n[f(1), f(0)]', [1, 3]],
      [
        'break in a switch with a subject',
        'n = 0\nfor x in [1, 2]\n  switch x\n    when 1 then break\n  n++\nn',
        2,
      ],
      ['break in one without', 'n = 0\nfor x in [1, 2]\n  switch\n    when x is 1 then break\n  n++\nn', 0],
    ],
    [
      ['on as a variable', 'on = 1', 'assign'],
      ['a name declared twice', 'def f\n  1\nclass f', 'f'],
      ['component', 'A = component\n  @a: 1\n', 'rip-lang'],
      ['a model', 'A = schema :model\n  a! string\n', 'not supported yet'],
      ['yield by itself', 'yield 1', 'yield'],
      ['a choice in parentheses before the colon', 'x = a ? (b ? 1 : 2) : 3', ''],
    ],
  )

  test('only the used parts of the library are imported', () => {
    expect(compile('p kind []').code).toStartWith('import { kind, p } from "@rip/transpile/runtime";')
    expect(compile('a = 1').code).not.toContain('import')
  })
})
