import { describe, expect, test } from 'bun:test'
import { refusal } from './refusal.ts'

interface Mistake {
  source: string
  /** Line and column. */
  at: string
  reason: string
  hint: string
}

/** Typical first mistakes of people who know CoffeeScript, JavaScript, Ruby or Python. */
const MISTAKES: readonly Mistake[] = [
  { source: 'f = (args...) -> args', at: '1:6', reason: 'a rest parameter', hint: '...args' },
  { source: 'a = [b..., 1]', at: '1:7', reason: 'a splat has its dots in front', hint: '...values' },
  { source: 'for x from items\n  p x', at: '1:7', reason: 'for … from', hint: 'for x as iterable' },
  { source: 'text = "one\ntwo"', at: '1:8', reason: 'ends on its line', hint: '"""' },
  { source: 'x = y ? z', at: '1:7', reason: "this '?' has no ':'", hint: 'x ?? y' },
  { source: 'text = "a#{b"\nc = 1', at: '1:10', reason: 'this #{ is never closed', hint: '' },
  { source: 'f("a#{b"', at: '1:5', reason: 'this #{ is never closed', hint: '' },
  { source: 'text = """a#{b"""\n', at: '1:12', reason: 'this #{ is never closed', hint: '' },
  { source: 'schema User\n  name! string', at: '1:1', reason: 'no name of its own', hint: 'User = schema' },
  { source: 'component Foo\n  a = 1', at: '1:1', reason: "'component' is not supported", hint: 'rip-lang' },
  { source: 'component A extends B\n  c', at: '1:1', reason: "'component' is not supp", hint: 'rip-lang' },
  { source: 'export schema A\n  b', at: '1:8', reason: 'no name of its own', hint: 'User = schema' },
  { source: 'x = 1 \\\n + 2', at: '1:7', reason: 'backslash', hint: 'an operator or a comma' },
  { source: 'total = 1\n  + 2', at: '2:3', reason: 'does not start with an operator', hint: 'line above' },
  { source: 'ok = a\n  and b', at: '2:3', reason: 'does not start with an operator', hint: 'line above' },
  { source: 'a[1..2] = b', at: '1:1', reason: 'a slice cannot be assigned', hint: 'splice()' },
  { source: 'class A\n  size: 5', at: '2:3', reason: 'a field of a class', hint: 'size =' },
  { source: 'function f() {}', at: '1:1', reason: "'function' does not exist", hint: 'def name' },
  { source: 'var x = 1', at: '1:1', reason: 'variables are not declared', hint: 'name = value' },
  { source: 'let x = 1', at: '1:1', reason: 'variables are not declared', hint: 'name = value' },
  { source: 'const x = 1', at: '1:1', reason: 'constants are written with =!', hint: 'NAME =! value' },
  { source: 'class A {\n  b() {}\n}', at: '1:9', reason: 'has no braces', hint: 'indent the lines' },
  { source: 'a = 1 // 2\n// note', at: '2:1', reason: 'a comment starts with #', hint: '# text' },
  { source: '/* note */ a', at: '1:1', reason: 'a comment starts with #', hint: '# text' },
  { source: 'if a\n  b\nelsif c\n  d', at: '3:1', reason: "'elsif' does not exist", hint: 'else if' },
  { source: 'if a\n  b\nelif c\n  d', at: '3:1', reason: "'elif' does not exist", hint: 'else if' },
  { source: 'foreach x in y\n  p x', at: '1:1', reason: "'foreach' does not exist", hint: 'for … in' },
  { source: 'break', at: '1:1', reason: "'break' has no loop", hint: 'statement of the loop' },
  { source: 'f = -> 1 + return 2', at: '1:12', reason: 'cannot leave a value', hint: 'of its own' },
  { source: 's = "never closed', at: '1:5', reason: 'never closed', hint: '"' },
  { source: '### note', at: '1:1', reason: 'never closed', hint: '###' },
  { source: 'if (x > 3) {\n  p 1\n}', at: '1:12', reason: 'has no braces', hint: 'indent the lines' },
  { source: 'while (true) { break }', at: '1:14', reason: 'has no braces', hint: 'indent the lines' },
  { source: 'x = () => { return 1 }', at: '1:11', reason: 'has no braces', hint: 'indent the lines' },
  { source: 'if x > 3:\n  p 1', at: '1:9', reason: "no ':' stands in front", hint: 'Remove it' },
  { source: 'def f(x):\n  x', at: '1:9', reason: "no ':' stands in front", hint: 'Remove it' },
  { source: 'for i in range(3):\n  p i', at: '1:18', reason: "no ':' stands in front", hint: 'Remove it' },
  { source: 'for (let i = 0; i < 3; i++) { p i }', at: '1:5', reason: 'no parentheses', hint: 'for i in' },
  { source: 'items.map(x => x * 2)', at: '1:11', reason: "'x =>' calls x", hint: '(x) => …' },
  { source: 'class A\n  m() { return 1 }', at: '2:3', reason: 'with a colon', hint: 'name: (a, b) -> …' },
  { source: 'class A\n  def m\n    1', at: '2:3', reason: 'with a colon', hint: 'name: (a, b) -> …' },
  { source: 'async def f\n  1', at: '1:1', reason: 'async by itself', hint: "Remove 'async'" },
  { source: 'async f = -> 1', at: '1:1', reason: 'async by itself', hint: "Remove 'async'" },
  { source: 'switch x\n  case 1\n    p 1', at: '2:3', reason: "has 'when'", hint: 'when value' },
  { source: 'try\n  f()\nexcept e\n  p e', at: '3:1', reason: "'except' does not exist", hint: 'catch' },
  { source: 'try\n  f()\nrescue e\n  p e', at: '3:1', reason: "'rescue' does not exist", hint: 'catch' },
  { source: 'a, b = 1, 2', at: '1:2', reason: "unexpected ','", hint: '[a, b] = [1, 2]' },
  { source: 'enum Color { Red }', at: '1:1', reason: 'indented members', hint: 'on each line' },
  { source: 'list[-1] = 2', at: '1:1', reason: 'an index from the end', hint: 'list.length - 1' },
  { source: 'f(1))', at: '1:5', reason: "unexpected ')'", hint: '' },
  { source: 'else\n  a', at: '1:1', reason: "no 'if'", hint: 'indentation' },
  { source: 'catch e\n  a', at: '1:1', reason: "no 'try'", hint: 'indentation' },
  { source: 'when 1\n  a', at: '1:1', reason: "no 'switch'", hint: 'indentation' },
  { source: 'try\n  f()\ncatch (e)\n  g e', at: '3:7', reason: 'no parentheses', hint: 'catch error' },
  { source: 'for await x of xs\n  p x', at: '1:13', reason: "'as' and not 'of'", hint: 'for await x as' },
  { source: 'for await x in xs\n  p x', at: '1:13', reason: "'as' and not 'in'", hint: 'for await x as' },
  { source: 'for i = 0; i < 5; i++\n  p i', at: '1:7', reason: 'no counter', hint: 'for i in' },
  { source: 'for x in xs {\n  p x\n}', at: '2:5', reason: 'expected , or }', hint: 'a block is indented' },
  {
    source: 'try { f() } catch (e) { g(e) }',
    at: '1:8',
    reason: 'expected , or }',
    hint: 'a block is indented',
  },
  { source: 'def f(x) -> x + 1', at: '1:10', reason: 'a def has no ->', hint: 'indented body' },
  { source: 'def f => 1', at: '1:7', reason: 'a def has no =>', hint: 'indented body' },
  { source: 'def f = (x) -> 5', at: '1:7', reason: 'a def has no =', hint: 'name = (a, b)' },
  { source: 'x = (1 + 2\ny = 3', at: '1:5', reason: 'this ( is never closed', hint: '' },
  { source: "x = 'it's'", at: '1:8', reason: 'ends at this quote', hint: "\\'" },
  { source: 'x = `hello ${name}`', at: '1:5', reason: 'not valid JavaScript', hint: '#{value}' },
  { source: 'x = `two words`', at: '1:5', reason: 'not valid JavaScript', hint: '#{value}' },
  { source: 'x = <Foo a="1" />', at: '1:5', reason: 'JSX', hint: 'function' },
  { source: 'x = 5 /* five */', at: '1:8', reason: 'a comment starts with #', hint: '# text' },
  { source: 'x = “hello”', at: '1:5', reason: 'cannot stand in a name', hint: 'Write ".' },
  { source: 'if a\n  b()\n\tc()', at: '3:1', reason: 'tabs and spaces are mixed', hint: 'line above' },
  { source: 'if (a) return b', at: '1:8', reason: 'expected an indented block', hint: '`then`' },
  { source: 'class = 5', at: '1:1', reason: "'class' is a reserved word", hint: 'another name' },
  { source: 'class A\n  static b = 1', at: '2:3', reason: "'static' stands", hint: '@name = value' },
  { source: 'class A\n  get b: -> 1', at: '2:3', reason: "'get' stands", hint: 'method' },
  { source: 'class A\n  async b: -> 1', at: '2:3', reason: "'async' stands", hint: 'by itself' },
  { source: 'class A implements B\n  b = 1', at: '1:9', reason: "'implements' does not", hint: 'Remove it' },
]

describe('first mistakes are named, with what to write instead', () => {
  for (const { source, at, reason, hint } of MISTAKES) {
    test(source.replaceAll('\n', '⏎'), () => {
      const error = refusal(source)
      expect(error.reason).toContain(reason)
      expect(`${error.line}:${error.column}`).toBe(at)
      expect(error.hint ?? '').toContain(hint)
    })
  }
})
