import { describe, expect, test } from 'bun:test'
import { compile } from '../../src/compiler/index.ts'

/** Runs a program as a module would; its last line is `result = …`. */
async function run(source: string): Promise<unknown> {
  const { code } = compile(source, { runtime: 'inline' })
  return (AsyncFunction(`"use strict"; ${code}\nreturn result`) as () => Promise<unknown>)()
}

const AsyncFunction = async function none() {}.constructor as (body: string) => unknown

type Program = readonly [what: string, source: string, value: unknown]

/** Rules of the guide as programs; both reference implementations agree where they accept them. */
const RULES: Readonly<Record<string, readonly Program[]>> = {
  'a `!` waits for its call and for the calls directly behind it': [
    ['a promise of a function', 'f = (a) -> Promise.resolve (b) -> a + b\nresult = f!(1)(2)', 3],
    ['a function that gives a promise', 'f = (a) -> (b) -> Promise.resolve a + b\nresult = f!(1)(2)', 3],
    ['both', 'f = (a) -> Promise.resolve (b) -> Promise.resolve a + b\nresult = f!(1)(2) + 1', 4],
    ['in front of a member', 'f = -> -> Promise.resolve { v: 3 }\nresult = f!()().v', 3],
    ['a construction', 'class A\n  constructor: (a) -> return Promise.resolve a\nresult = A.new! 5', 5],
    [
      'one with parentheses',
      'class A\n  constructor: (a) -> return Promise.resolve a\nresult = A.new!(5) + 1',
      6,
    ],
  ],
  '`_` belongs to the function that matches': [
    ['the module keeps its own', '"a1" =~ /\\d/\nf = -> "b" =~ /b/\nf()\nresult = _[0]', '1'],
    [
      'so does a callback',
      'f = (s) ->\n  s =~ /\\d/\n  ["x"].map (t) -> t =~ /x/\n  _[0]\nresult = f "a5"',
      '5',
    ],
    [
      'a callback reads the one around it',
      'f = (s) ->\n  s =~ /\\d/\n  [1].map (n) -> _[0] + n\nresult = f "a5"',
      ['51'],
    ],
    [
      'two that wait do not share it',
      'f = (s) ->\n  s =~ /\\d/\n  sleep! 1\n  _[0]\nresult = Promise.all! [f("a1"), f("b2")]',
      ['1', '2'],
    ],
    ['a parameter of that name takes it', 'f = (_) ->\n  "ab" =~ /b/\n  _[0]\nresult = f 1', 'b'],
    ['a field has one, too', 'class A\n  x = "ab"[/b/]\nresult = new A().x', 'b'],
    ['a match is compared', 'result = "ab" =~ /x/ is null', true],
  ],
  'a cast ends where its type does': [
    ['&&', 'a = 1\nb = 2\nresult = a as number && b', 2],
    ['%', 'a = 7\nresult = a as number % 4', 3],
    ['^', 'a = 7\nresult = a as number ^ 1', 6],
    ['instanceof', 'a = []\nresult = a as any instanceof Array', true],
    ['a range', 'result = [1 as number..3]', [1, 2, 3]],
    ['finally', 'result = []\ntry result.push 1 as number finally result.push 2', [1, 2]],
    ['catch', 'result = try JSON.parse("{") as any catch then 5', 5],
    ['??', 'result = null as string | null ?? "x"', 'x'],
    ['a choice', 'result = true as boolean ? 1 : 2', 1],
    ['generics and functions', 'result = 1 as Map<string, (a: A[]) => B | undefined> + 1', 2],
    ['a conditional type', 'result = 1 as (A extends B ? C : D) + 1', 2],
    ['a literal', 'result = 5 as -1', 5],
    ['in the head of a loop', 'result = (n for n in [1, 2] as number[])', [1, 2]],
    ['of a text, which is then a value like others', 'result = isNaN("a" as any * 2)', true],
    ['of a range in the head of a loop', 'result = []\nfor n in [2..1] as number[]\n  result.push n', [2, 1]],
  ],
  'types are read to their end': [
    ['import', 'result: import("./x").C = 5', 5],
    ['abstract new', 'result: abstract new () => string = 5', 5],
    ['conditional', 'result: A extends string ? number : boolean = 5', 5],
    ['template', 'result: `a${string}` = 5', 5],
    ['literals', 'result: 5 | -1 | "a" | null = 5', 5],
    ['a member', 'result = {}\nresult.x: number = 5', { x: 5 }],
    ['an indexed member', 'result = {}\nresult["x"]: A<B> = 5', { x: 5 }],
    ['a member of this', 'class A\n  constructor: ->\n    @x: number = 5\nresult = new A().x', 5],
    ['a method of a prototype', 'class A\nA::m: () => number = -> 5\nresult = new A().m()', 5],
    ['the result of a def', 'def f(n: number): (m: number) => number\n  (m) -> n + m\nresult = f(1)(2)', 3],
    ['a predicate', 'def f(n: unknown): n is string\n  true\nresult = f 1', true],
  ],
  'a pattern in catch assigns': [
    ['what is there outside', 'result = 0\ntry\n  throw { code: 5 }\ncatch { code: result }\n  1', 5],
    ['and declares the rest', 'try\n  throw new Error "x"\ncatch { message }\n  1\nresult = message', 'x'],
    ['a member', 'result = {}\ntry\n  throw { a: 5 }\ncatch { a: result.x }\n  1', { x: 5 }],
  ],
  'an arrow that is all of an effect runs': [
    ['with its reads', 'n := 1\nresult = []\n~> -> result.push n\nn = 2', [1, 2]],
    ['in parentheses', 'result = []\n~> (-> result.push 1)', [1]],
    ['but not as the last line of a block', 'result = []\n~>\n  -> result.push 1', []],
  ],
  'names of values are keys': [
    [
      'that are never short',
      'result = { true: true, null: null, this: 1 }',
      { true: true, null: null, this: 1 },
    ],
    ['of the own object', 'result = Object.keys JSON.parse(\'{"__proto__":1}\').{__proto__}', ['__proto__']],
  ],
  'variables of a value live where it is computed': [
    ['a default', 'f = (a, b = 1 < a() < 5) -> b\nresult = f -> 3', true],
    ['a default in a pattern', 'f = ({ b = (-> { c: 1, d: 2 })().{c} }) -> b\nresult = f {}', { c: 1 }],
    [
      'a field, in every construction',
      'make = (n) ->\n  class A\n    x = 1 < (if n > 0 then make(n - 1).x; n + 2) < 9\n  new A\nresult = make(2).x',
      true,
    ],
    ['a field that assigns', 'class A\n  x = (y = 5)\nresult = new A().x', 5],
  ],
  loops: [
    ['above a block count up', 'result = []\nfor n in [1..0]\n  result.push n', []],
    ['count down with a negative step', 'result = []\nfor n in [2..1] by -1\n  result.push n', [2, 1]],
    ['behind a value follow the range', 'result = (n for n in [2..1])', [2, 1]],
    [
      'take patterns from a range',
      'result = (constructor is Number for { constructor } in [1..2])',
      [true, true],
    ],
    [
      'by a computed 0 throw',
      'step = 0\nresult = try (n for n in [1..2] by step) catch error then error.message',
      'a loop by 0 never ends',
    ],
    [
      'behind a statement have a guard',
      'i = 0\nresult = []\n(result.push i) while i++ < 3 when i isnt 2',
      [1, 3],
    ],
    [
      'make a key before its value',
      'log = []\nkey = { toString: -> log.push "key"; "k" }\nvalue = -> log.push "value"\n({[key]: value() for n in [1]})\nresult = log',
      ['key', 'value'],
    ],
  ],
  'a loop on a condition has no value at the end of a function': [
    ['while', 'f = (n) ->\n  while n > 0\n    n--\nresult = f 2', undefined],
    ['until', 'f = (n) ->\n  until n is 0\n    n--\nresult = f 2', undefined],
    ['loop', 'f = (n) ->\n  loop\n    break if n-- is 0\n    n\nresult = f 2', undefined],
    ['behind its body', 'f = (n) -> n-- while n > 0\nresult = f 2', undefined],
    ['in parentheses', 'f = (n) -> (n-- while n > 0)\nresult = f 2', undefined],
    ['in a method', 'class A\n  f: (n) ->\n    n-- while n > 0\nresult = new A().f 2', undefined],
    ['one that waits', 'f = (n) ->\n  while n > 0\n    await n--\nresult = f! 2', undefined],
    ['in a try', 'f = (n) ->\n  try\n    n-- while n > 0\n  catch e\n    1\nresult = f 2', undefined],
    ['in a switch', 'f = (n) ->\n  switch n\n    when 2\n      n-- while n > 0\nresult = f 2', undefined],
    ['in a branch, where it has', 'f = (n) ->\n  if n\n    n-- while n > 0\nresult = f 2', [2, 1]],
    ['behind return, where it has', 'f = (n) -> return (n-- while n > 0)\nresult = f 2', [2, 1]],
    ['assigned, where it has', 'n = 2\nresult = while n > 0\n  n--', [2, 1]],
    ['counted, where it has', 'f = ->\n  loop 2\n    5\nresult = f()', [5, 5]],
  ],
  'what leaves no code is not the last line': [
    ['a type', 'f = ->\n  5\n  type A = B\nresult = f()', 5],
    ['an interface', 'f = ->\n  5\n  interface A\n    b: c\nresult = f()', 5],
    ['in a branch', 'result = if true\n  5\n  type A = B', 5],
    ['of a loop', 'result = for n in [1, 2]\n  n\n  type A = B', [1, 2]],
  ],
  '`name: Type` without a value declares a name that is assigned below, and is a pair elsewhere': [
    ['at the end of a function', 'User = 5\nf = ->\n  a: User\nresult = f()', { a: 5 }],
    ['a name of a basic type', 'f = (string) ->\n  a: string\n  b: string\nresult = f 1', { a: 1, b: 1 }],
    ['in parentheses', 'object = 1\nresult = (\n  a: object\n)', { a: 1 }],
    ['in parentheses on a line', 'object = 1\nresult = (a: object)', { a: 1 }],
    ['in a branch', 'User = 1\nresult = if true\n  a: User', { a: 1 }],
    ['assigned in the next line', 'f = ->\n  a: number\n  a = 5\n  a\nresult = f()', 5],
    ['assigned deeper', 'f = (n) ->\n  a: number | string\n  if n\n    a = 5\n  a\nresult = f 1', 5],
    [
      'assigned only outside its block',
      'User = 1\nf = ->\n  if yes\n    a: User\nresult = f()\na = 2',
      { a: 1 },
    ],
    ['what can only be a type', 'f = ->\n  a: string[]\n  5\nresult = f()', 5],
    ['at the top of a module', 'a: number\nresult = 5', 5],
  ],
  'fields without a value': [
    ['exist', 'class A\n  a\n  b: number\n  c?: string\nresult = Object.keys new A', ['a', 'b', 'c']],
    ['of the class', 'class A\n  @a: number\nresult = Object.keys A', ['a']],
    [
      'hide what the parent set',
      'class A\n  a = 1\nclass B extends A\n  a: number\nresult = new B().a',
      undefined,
    ],
  ],
  'methods that are bound': [
    [
      'come before parameters',
      'class A\n  constructor: (@a) ->\n  b: => 1\nresult = Object.keys new A',
      ['b', 'a'],
    ],
    [
      'may be called by a default',
      'class A\n  constructor: (@a = @b()) ->\n  b: => 1\nresult = new A().a',
      1,
    ],
  ],
  '`*` repeats a text that is written in front of it': [
    ['in quotes', 'result = "ab" * 2', 'abab'],
    ['in parentheses', 'result = (("ab")) * 2', 'abab'],
    ['but not one with an interpolation', 'n = 3\nresult = "#{n}" * 2', 6],
    ['and not one with a cast', 'result = ("3" as any) * 2', 6],
    ['and not one behind it', 'result = 2 * "3"', 6],
  ],
  yield: [
    ['takes a choice', 'f = (n) -> yield if n then 1 else 2\nresult = [...f(1), ...f(0)]', [1, 2]],
    ['takes a choice on lines', 'f = (n) ->\n  yield unless n\n    1\n  else\n    2\nresult = [...f 1]', [2]],
    ['may have a condition', 'f = (n) ->\n  yield if n\n  yield 5 if n\nresult = [...f 1]', [undefined, 5]],
    ['takes a map', 'f = -> yield *{a: 1}\nresult = [...f()][0].get "a"', 1],
    ['takes over a generator', 'f = -> yield* [1, 2]\nresult = [...f()]', [1, 2]],
  ],
  'a condition behind a call': [
    ['above a block comment', 'f = (n) -> n\nf 1 if (yes)\n###\n deep\n###\nresult = 5', 5],
    ['with a pattern on lines', 'f = (n) -> n\nf 1 unless f ///a\n  b///\nresult = 5', 5],
  ],
  'a name that nothing declares is not declared by': [
    ['++', 'f = -> missing++\nresult = try f() catch e then e.name', 'ReferenceError'],
    ['--', 'result = try --missing catch e then e.name', 'ReferenceError'],
    ['//=', 'result = try missing //= 2 catch e then e.name', 'ReferenceError'],
    ['%%=', 'result = try missing %%= 2 catch e then e.name', 'ReferenceError'],
    ['but is by ?=', 'made ?= 5\nresult = made', 5],
    ['and counts where it is declared below', 'f = -> n++\nn = 1\nf()\nresult = n', 2],
  ],
  'a heredoc': [
    ['keeps lines without indentation', "result = '''\n    a\n1\n      b\n    '''", 'a\n1\n  b'],
    ['with an interpolation in such a line', 'result = """\n    a\n#{1}\n    """', 'a\n1'],
    ['has no margin if the first line has none', "result = '''\n1\n    a\n    '''", '1\n    a'],
    ['starts where it ends', "result = '''\n    a\n1\n'''", '    a\n1'],
  ],
  'a negative index': [
    ['counts from the end', 'result = "abc"[-1]', 'c'],
    ['also in parentheses', 'result = "abc"[(-1)] + "abc"[-(2)]', 'cb'],
  ],
  'a slash behind a blank': [
    ['divides if nothing closes it on the line', 'width = 10\nresult = width /2', 5],
    ['in brackets, too', 'a = 6\nresult = "#{a /2}"', '3'],
    ['starts a pattern otherwise', 'f = (pattern) -> pattern.source\nresult = f /a b/', 'a b'],
  ],
  'a loop behind a value on a line of its own': [
    [
      'is its value if a pair is next',
      'f = ->\n  a: n for n in [1, 2]\n  b: 7\nresult = f()',
      { a: [1, 2], b: 7 },
    ],
    [
      'is its value behind a pair',
      'f = ->\n  b: 7\n  a: n for n in [1, 2]\nresult = f()',
      { a: [1, 2], b: 7 },
    ],
    ['repeats an object of one pair', 'f = ->\n  a: n for n in [1, 2]\nresult = f()', [{ a: 1 }, { a: 2 }]],
    ['may write its variable', 'result = (n = n * 2 for n in [1, 2])', [2, 4]],
    ['may count on it', 'result = []\n(result.push n += 1) for n in [1, 2]', [2, 3]],
  ],
  'parentheses in a pattern': [
    ['are none', '{ x: (result), y: b } = { x: 1, y: 2 }\nresult += b', 3],
    ['in a list', '[(result), b] = [1, 2]\nresult += b', 3],
  ],
  'the name of an interface': [
    ['may be in lower case', 'interface point\n  x: number\nresult: point = 5', 5],
  ],
  'a blank before `?.`': [
    ['is none', 'o = { a: 5 }\nresult = o ?.a', 5],
    ['before a call', 'f = undefined\nresult = f ?.()', undefined],
  ],
  'what new constructs': [
    ['may be behind an optional link', 'o = { A: Set }\nresult = (o?.A.new [1]).size', 1],
    ['may be constructed itself', 'A = -> { b: Map }\nresult = new new A?.b instanceof Map', true],
  ],
  'a method in parentheses': [
    ['is a method', 'class A\n  f: ((n) -> n + @m)\n  m = 1\nresult = new A().f 4', 5],
    ['of the class', 'class A\n  @f: (-> 5)\nresult = A.f()', 5],
  ],
  arguments: [
    ['on lines need no commas', 'f = (...a) -> a\nresult = f 1,\n  2\n  3', [1, 2, 3]],
    [
      'go on behind named ones',
      'f = (...a) -> a\nresult = f 1,\n  b: 2\n  c: 3\n, 4',
      [1, { b: 2, c: 3 }, 4],
    ],
    ['may start with named ones', 'f = (...a) -> a\nresult = f\n  b: 2\n, 4', [{ b: 2 }, 4]],
    ['a block of if is one', 'f = (a) -> a\nx = f if true\n  1\nelse\n  2\nresult = x', 1],
    ['behind a comma, too', 'f = (...a) -> a\nresult = f 1, if false\n  2\nelse\n  3', [1, 3]],
    ['an arrow on one line ends with the line', 'f = (...a) -> a.length\nresult = f 1,\n  -> f 2,\n  3', 3],
    ['parameters need no commas on lines either', 'f = (\n  a\n  b\n) -> a + b\nresult = f 1, 2', 3],
    ['an object below await', 'f = ->\n  await\n    a: 1\nresult = f!', { a: 1 }],
    ['an object below throw', 'result = try\n  throw\n    a: 1\ncatch error\n  error', { a: 1 }],
    ['an object below yield', 'f = ->\n  yield\n    a: 1\n  return\nresult = [...f()]', [{ a: 1 }]],
  ],
  'a function without a parameter list has an `it` of its own': [
    ['inside of another', 'f = (it) -> do -> it\nresult = f 3', undefined],
    ['below a variable', 'it = 4\nresult = do -> it', undefined],
  ],
  choices: [
    ['behind a value end from the left', 'result = (1 if true else 2 if false else 3)', 3],
    ['behind a value in a choice', 'result = true ? 1 if false else 2 : 3', 2],
    ['in parentheses', 'result = true ? (1 if false else 2) : 3', 2],
    ['unless', 'result = (1 unless true else 2)', 2],
    ['on lines that start with ? and :', 'result = true\n  ? 1\n  : 2', 1],
    ['on lines that end with ? and :', 'result = false ?\n  1 :\n  2', 2],
  ],
  'an object may begin the body of an arrow': [
    ['in front of an operator', 'f = => { a: 1 } ?? 2\nresult = f()', { a: 1 }],
    ['in front of a member', 'f = => { a: 1 }.a\nresult = f()', 1],
    ['in a comparison', 'f = => { a: 1 } < 3\nresult = f()', false],
    ['in a choice', 'f = => { a: 1 } ? 2 : 3\nresult = f()', 2],
    ['as a pattern', 'f = => { a } = { a: 5 }\nresult = f()', { a: 5 }],
  ],
  values: [
    ['on the line below', 'result =\n5', 5],
    ['on a line below a default', '{ result =\n  5 } = {}', 5],
    ['on a line below else', 'result = 1 if false else\n  2', 2],
    ['of reactive values that may be absent', 'a? := 1\nresult = a', 1],
    ['named as, passed', 'f = (a) -> a\nas = 5\nresult = f as\nb = 1', 5],
    ['of what is absent', 'result = null\nresult? = 5', 5],
    ['of names in quotes', 'o =\n  "a-b": 5\n  f: -> @"a-b" = @"a-b" + 1\nresult = o.f()', 6],
    ['of tags that are constructed', 'tag = ([x]) -> class\n  y = x\nresult = new tag"a"', { y: 'a' }],
    ['with a blank before the colon', 'result = { a : 1, "b" : 2 }', { a: 1, b: 2 }],
    ['on lines with a blank before the colon', 'f = (a) -> a\nresult = f\n  a : 1\n  b : 2', { a: 1, b: 2 }],
    ['that are functions without one', 'o = { a!: -> 5 }\nresult = o.a()', undefined],
    ['of patterns with braces', 'result = /\\#{2}/.source', '\\#{2}'],
    ['of heredocs of one blank line', "result = '''\n  \n  '''", ''],
    ['of assignments to patterns', 'f = -> { a, b = 2 } = { a: 1 }\nresult = f()', { a: 1 }],
    ['a fraction on a line of its own', 'f = ->\n  1\n  .5\nresult = f()', 0.5],
  ],
  'a `.` on the next line': [
    ['is for the call', 'f = (...a) -> a\nresult = f 1, "abc"\n  .length', 2],
    [
      'is for the call around a branch',
      'f = (...a) -> a\nresult = f 1, if true then "abc" else ""\n  .length',
      2,
    ],
    ['is for the function', 'result = (a) -> "abc"\n  .length', 1],
    ['is for named values', 'result = a: "abc"\n  .a', 'abc'],
  ],
  'words of the sub-languages are names': [
    ['schema', 'schema = { a: 1 }\nresult = schema.a', 1],
    ['component', 'result = 0\ncomponent = (a) -> result = a\ncomponent\n  a: 1', { a: 1 }],
    ['render', 'render = -> 5\nx = render()\nresult = x', 5],
  ],
}

for (const [rule, programs] of Object.entries(RULES)) {
  describe(rule, () => {
    test.each(programs)('%s', async (_, source, value) => {
      expect(await run(source)).toEqual(value)
    })
  })
}

test('a postfix loop at the end of a script is a list', () => {
  // oxlint-disable-next-line no-eval
  expect((0, eval)(compile('n * 2 for n in [1, 2]').code)).toEqual([2, 4])
  expect(compile('export a = 1\na for n in [1, 2]').code).not.toContain('push')
})

const REFUSED: readonly Program[] = [
  ['a match in a parameter', 'f = (a = "x" =~ /x/) -> a', 'a parameter cannot contain a match'],
  ['a match of a match', 'a =~ /b/ =~ /c/', 'a match is not matched further'],
  ['a loop by 0', 'n for n in [1] by 0', 'a loop by 0 never ends'],
  ['a loop by -0.0', 'n for n in [1..2] by -0.0', 'a loop by 0 never ends'],
  [
    'a member of an enum without a number before it',
    'enum A\n  a = "x"\n  b',
    'a member needs one of its own',
  ],
  ['a typed word with a value', 'on: boolean = true', "'on' has a fixed meaning"],
  ['a cast to nothing', 'a = 5 as', "'as' is followed by a type"],
  ['a generator as an effect', '~> -> yield 1', 'cannot yield'],
]

test.each(REFUSED)('%s is refused', (_, source, reason) => {
  expect(() => compile(source)).toThrow(reason as string)
})
