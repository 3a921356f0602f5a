import { describe, expect, test } from 'bun:test'
import { compile } from '../../src/compiler/index.ts'
import { refusal } from './refusal.ts'

/** Source, line and column, and a part of the reason. */
type Row = [source: string, at: string, reason: string]

const GROUPS: Readonly<Record<string, readonly Row[]>> = {
  'a name is declared once': [
    ['def f\n  1\ndef f\n  2', '3:5', "'f' is declared twice"],
    ['class A\nclass A', '2:7', "'A' is declared twice"],
    ['x := 1\nx := 2', '2:1', "'x' is declared twice"],
    ['x := 1\nx ~= 2', '2:1', "'x' is declared twice"],
    ['enum A\n  X = 1\nclass A', '3:7', "'A' is declared twice"],
    ['X =! 1\nX =! 2', '2:1', "'X' is declared twice"],
    ["import x from 'y'\nimport x from 'z'", '2:8', "'x' is declared twice"],
    ["import {a, a} from 'y'", '1:12', "'a' is declared twice"],
    ["import x from 'y'\ndef x\n  1", '2:5', "'x' is declared twice"],
    ['f = (a, a) -> a', '1:9', "'a' is declared twice"],
    ['f = ({a, a}) -> a', '1:10', "'a' is declared twice"],
    ['f = (a) ->\n  a =! 2\n  a', '2:3', "'a' is declared twice"],
    ['try f() catch e\n  e =! 1', '2:3', "'e' is declared twice"],
    ['export x = 1\nexport x = 2', '2:8', "'x' is declared twice"],
    ['export {a, a}', '1:1', "'a' is exported twice"],
    ['export default 1\nexport default 2', '2:1', "'default' is exported twice"],
  ],
  'what is constant is not written': [
    ['X =! 1\nX = 2', '2:1', "'X' is a constant"],
    ['X =! 1\nf = -> X = 2', '2:8', "'X' is a constant"],
    ['X =! 1\nX++', '2:1', "'X' is a constant"],
    ['X =! 1\nX += 1', '2:1', "'X' is a constant"],
    ['X =! 1\nX ?= 1', '2:1', "'X' is a constant"],
    ['X =! 1\nX .= trim()', '2:1', "'X' is a constant"],
    ['X =! 1\n[a, X] = [1, 2]', '2:5', "'X' is a constant"],
    ['X =! 1\n{a: X} = b', '2:5', "'X' is a constant"],
    ['x = 1\nx =! 2', '1:1', "'x' is a constant"],
    ["import x from 'y'\nx = 1", '2:1', "'x' is an import"],
    ['export x = 1\nx = 2', '2:1', "'x' is an export"],
    ['x = 1\ny ~= x\ny = 2', '3:1', "'y' is a computed value"],
    ['h ~> p 1\nh = 2', '2:1', "'h' is an effect"],
    ['f = 2\ndef f\n  1', '1:1', "'f' is a function and assigned here"],
    ['A = 1\nclass A', '1:1', "'A' is a class and assigned here"],
    ['x = 1\nx := 2', '1:1', "'x' is a reactive value and assigned here"],
  ],
  'words with a meaning name nothing': [
    ['yes = 1', '1:1', 'fixed meaning'],
    ['f = (on) -> 1', '1:6', 'cannot name a parameter'],
    ["import {on} from 'x'", '1:9', 'fixed meaning'],
    ["import {a as off} from 'x'", '1:14', 'fixed meaning'],
    ['enum no\n  A = 1', '1:6', 'fixed meaning'],
    ['arguments = 1', '1:1', 'fixed meaning'],
    ['eval = 1', '1:1', 'fixed meaning'],
    ['package = 1', '1:1', 'reserved word of JavaScript'],
    ['f static', '1:3', 'reserved word of JavaScript'],
    ['default', '1:1', 'reserved word of JavaScript'],
    ['enum export\n  A = 1', '1:6', 'fixed meaning'],
  ],
  'control leaves where it can': [
    ['return 1', '1:1', "'return' is not in a function"],
    ['a or return', '1:6', "'return' is not in a function"],
    ['yield 1', '1:1', "'yield' is not in a function"],
    ['f = => yield 1', '1:5', 'cannot yield'],
    ['new.target', '1:1', "'new.target' is not in a function"],
    ['continue', '1:1', "'continue' has no loop"],
    ['for x in y\n  f = -> break', '2:10', "'break' has no loop"],
    ['f = (a = await b) -> a', '1:5', 'cannot wait'],
    ['class A\n  x = await b', '2:7', 'cannot wait'],
    ['class A\n  constructor: -> await b', '2:3', 'a constructor cannot wait'],
    ['class A\n  constructor: -> yield b', '2:3', 'a constructor cannot yield'],
    ['if a\n  export b = 1', '2:3', 'only the top of a module exports'],
    ["f = ->\n  import a from 'b'", '2:3', 'only the top of a module imports'],
    ['export a = 1 if b', '1:1', 'cannot be exported'],
    ["import a from 'b' if c", '1:1', 'has no condition'],
  ],
  'super belongs to methods': [
    ['super', '1:1', 'is called or has a member'],
    ['super()', '1:1', "'super' is not in a method"],
    ['f = -> super.x', '1:8', "'super' is not in a method"],
    ['class A\n  constructor: -> super()', '2:19', 'has nothing to call'],
  ],
  classes: [
    ['class A\n  m: (@x) -> 1', '2:7', 'only a constructor takes a parameter with @'],
    ['class A\n  constructor: -> 1\n  constructor: -> 2', '3:3', 'a class has one constructor'],
    ['class A\n  x = arguments', '2:7', 'a field has no arguments'],
    ['class A\n  x: 5', '2:3', 'a field of a class is written with ='],
  ],
  literals: [
    ['08', '1:1', 'does not start with 0'],
    ['1__0', '1:1', '_ stands between two digits'],
    ['1_', '1:1', '_ stands between two digits'],
    ['0x', '1:1', 'not a number'],
    ['/a/gg', '1:1', 'not a regular expression'],
    ['/(/', '1:1', 'not a regular expression'],
    ['x = /a\\\nb/', '1:5', 'never closed'],
    ['x = //', '1:5', 'expected a value'],
  ],
  'loops, choices and types': [
    ['(x if x > 1 for x in [1, 2])', '1:2', "a loop filters with 'when'"],
    ['x = a ? (b ? 1 : 2) : 3', '1:9', 'not nested'],
    ['g = (x: number): () => void => x', '1:16', 'could be a function as well'],
    ['g = (x: number): (A | B) => x', '1:16', 'could be a function as well'],
    ['type X = { f:: () => void }', '1:13', 'not a type'],
    ['delete x', '1:1', "'delete' removes a property"],
  ],
}

for (const [group, rows] of Object.entries(GROUPS)) {
  describe(group, () => {
    for (const [source, at, reason] of rows) {
      test(source.replaceAll('\n', '⏎'), () => {
        const error = refusal(source)
        expect(error.reason).toContain(reason)
        expect(`${error.line}:${error.column}`).toBe(at)
      })
    }
  })
}

const ACCEPTED: readonly string[] = [
  'if a\n  X =! 1\nelse\n  X =! 2',
  'X =! 1\nf = (X) -> X = 3',
  'X =! 1\nfor X in [1]\n  X = 2',
  'x := 1\nx = 2',
  'x := 1\nf = -> x = 2',
  'a = {yes: 1, static: 2, default: 3}\na.on + a.package',
  '{default: x, static: y} = z',
  'class A\n  static = 1\n  get = 2',
  'f = ->\n  x =! 1\ng = ->\n  x =! 2',
  'f = -> (yield 1; yield 2)',
  'f = (a) ->\n  b = (a or return 5)\n  b',
  '[a, a] = b',
  'x = a ? 1 : (b ? 2 : 3)',
  'x = a ? (if b then 1 else 2) : 3',
]

describe('similar but correct code is accepted', () => {
  for (const source of ACCEPTED)
    test(source.replaceAll('\n', '⏎'), () => {
      expect(compile(source).code).toBeString()
    })
})
