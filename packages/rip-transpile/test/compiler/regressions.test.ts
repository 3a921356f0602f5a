import { expect, test } from 'bun:test'
import { compile } from '../../src/compiler/index.ts'

function run(source: string): unknown {
  const { code } = compile(source, { runtime: 'inline' })
  // oxlint-disable-next-line no-eval
  return (0, eval)(`(() => { "use strict"; return eval(${JSON.stringify(code)}) })()`)
}

const RETURNS: [string, string, unknown][] = [
  [
    'a conditional with both branches',
    'size = (n) ->\n  return if n > 9 then "big" else "small"\nsize 10',
    'big',
  ],
  ['nothing, guarded', 'seen = []\nf = (n) ->\n  return if n > 9\n  seen.push n\nf 10\nf 3\nseen', [3]],
  ['an indented object', 'f = ->\n  return\n    host: "here"\n    port: 80\nf()', { host: 'here', port: 80 }],
]
for (const [name, source, expected] of RETURNS) {
  test(`return takes ${name}`, () => {
    expect(run(source)).toEqual(expected)
  })
}

test.each([
  ['a heredoc', 's = """\n  a\n    #{1}\n  b\\\n  c\n  """\ns', 'a\n  1\nbc'],
  ['a raw heredoc', "s = '''\\\n  a\\n\n  b\n  \\'''\ns", 'a\\n\nb'],
  ['a tagged text', 'f = (parts) -> parts[0]\nf"""\n  a\n  b\n  """', 'a\nb'],
  ['a heregex', '(///\n  a  # first\n  b\n///).test "ab"', true],
])('%s is the same with Windows line ends', (_, source, expected) => {
  expect([run(source), run(source.replaceAll('\n', '\r\n'))]).toEqual([expected, expected])
})

const INDENTED: [string, string, unknown][] = [
  ['parentheses', 'x = (\n  1 + 1\n)\nx', 2],
  ['parentheses with statements', '3 * (\n  a = 1\n  a + 1\n)', 6],
  ['an interpolation', 's = "a #{\n  1 + 1\n} b"\ns', 'a 2 b'],
  ['an interpolation of a heredoc', 's = """\n  a #{\n    1 + 1\n  } b\n  """\ns', 'a 2 b'],
]
for (const [name, source, expected] of INDENTED) {
  test(`${name} may end on their own line`, () => {
    expect(run(source)).toEqual(expected)
  })
}

test('a def as a value can call itself by its name', () => {
  expect(run('f = def fact(n)\n  if n < 2 then 1 else n * fact(n - 1)\nf 5')).toBe(120)
})

test('a reactive declaration within a value is refused', () => {
  expect(() => compile('f(x := 1)')).toThrow('a reactive declaration is a statement of its own')
})

test('a map literal spreads another map', () => {
  expect(run('base = *{a: 1}\n[...*{...base, b: 2}]')).toEqual([
    ['a', 1],
    ['b', 2],
  ])
})

test('a class has a name without dots', () => {
  expect(() => compile('class Shop.Cart')).toThrow('the name of a class has no dots')
})

test('a class holds another one as a static field', () => {
  const source =
    'class Shop\n  open: -> "yes"\n  class @Cart\n    size: -> 3\n[new Shop().open(), new Shop.Cart().size()]'
  expect(run(source)).toEqual(['yes', 3])
})

test('a call without parentheses takes a conditional with then', () => {
  expect(run('same = (x) -> x\nsame if 1 > 2 then \'more\' else "then"')).toBe('then')
  expect(run('hits = 0\nhit = -> hits++\nhit() if "then"\nhit() unless yes # then\nhits')).toBe(1)
})

const CONSTANT_WRITES: [string, string, string][] = [
  ['a constant', 'MAX =! 1\nMAX = 2', "'MAX' is a constant and cannot"],
  ['a constant of an outer function', 'MAX =! 1\nraise = -> MAX += 1', "'MAX' is a constant and cannot"],
  ['an exported name', 'export count = 0\nbump = -> count++', "'count' is an export and cannot"],
  ['an imported name', "import { n } from 'm'\nn += 1", "'n' is an import and cannot"],
]
for (const [name, source, reason] of CONSTANT_WRITES) {
  test(`${name} cannot be assigned again`, () => {
    expect(() => compile(source)).toThrow(reason)
  })
}

test('a parameter may have the name of a constant', () => {
  expect(run('MAX =! 1\nf = (MAX) ->\n  MAX = 3\n  MAX\n[f(2), MAX]')).toEqual([3, 1])
})

test('a function that assigns the name of an import or export has its own variable', () => {
  const { code } = compile("import { b } from 'm'\nexport a = 1\nf = ->\n  a = 2\n  b = 3\n  a + b\nf()")
  expect(code).toContain('const a = 2;')
  expect(code).toContain('const b = 3;')
})

test('the default export may be an indented object', () => {
  expect(compile('export default\n  host: "here"\n  ports:\n    http: 80\n').code).toBe(
    'export default { host: "here", ports: { http: 80 } };\n',
  )
})

test('between a negative number and an arrow the comma may be missing', () => {
  expect(run('f = (n, g) -> g() + n\nf -5 -> 7')).toBe(2)
})

test('a property that a constructor sets may have the name of a keyword', () => {
  expect(run('class A\n  constructor: (@class, @default = 2) ->\nnew A 1')).toMatchObject({
    class: 1,
    default: 2,
  })
  expect(compile('export class A\n  constructor: (@new: string) ->').dts).toContain(
    'constructor(_new: string)',
  )
})

const SHAPES: [string, string, string][] = [
  ['a default of what gathers the rest', 'f = ({...b = 1}) -> b', 'has no default'],
  ['a default of what gathers the rest of an assignment', '[a, ...b = 1] = c', 'has no default'],
  ['an import of several modules', 'a = import(b, c, d)', 'import takes the name'],
  ['an import of a spread', 'a = import(...b)', 'import takes the name'],
]
for (const [name, source, reason] of SHAPES) {
  test(`${name} is refused`, () => {
    expect(() => compile(source)).toThrow(reason)
  })
}

test('a comma may end the arguments of a call without parentheses inside of parentheses', () => {
  expect(compile('(f 1,\n  2,\n)\n').code).toBe('f(1, 2);\n')
  expect(compile('x((f 1, 2,\n), 3)').code).toBe('x(f(1, 2), 3);\n')
  expect(compile('g(f 1,\n  2,\n)').code).toBe('g(f(1, 2));\n')
  expect(() => compile('(1,)')).toThrow("unexpected ','")
})
