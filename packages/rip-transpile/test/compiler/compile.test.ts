import { describe, expect, test } from 'bun:test'
import { parse } from 'acorn'
import { CompileError } from '../../src/compile-error.ts'
import { compile } from '../../src/compiler/index.ts'

function run(source: string): unknown {
  const { code } = compile(source, { runtime: 'inline' })
  parse(code, { ecmaVersion: 'latest', sourceType: 'module' })
  // oxlint-disable-next-line no-eval
  return (0, eval)(`(() => { ${'"use strict"'}; return eval(${JSON.stringify(code)}) })()`)
}

describe('values', () => {
  const cases: [string, unknown][] = [
    ['greet = (who) -> "hi #{who}"\ngreet "Ann"', 'hi Ann'],
    ['total = 0\nfor price in [3, 4, 5] when price isnt 4\n  total += price\ntotal', 8],
    ['(n * n for n in [1..4])', [1, 4, 9, 16]],
    ['sizes = {s: 1, m: 2}\n{m} = sizes\nm', 2],
    ['kind = if 3 > 2 then "big" else "small"\nkind', 'big'],
    ['class Box\n  constructor: (@side) ->\n  area: -> @side ** 2\nnew Box(3).area()', 9],
    ['[first, ...middle, last] = [1, 2, 3, 4]\n[first, middle, last]', [1, [2, 3], 4]],
    ['user = null\nuser?.name ?? "nobody"', 'nobody'],
    ['word = "  tea "\nword .= trim()\nword', 'tea'],
    ['"port 8080" =~ /(\\d+)/\n_[1]', '8080'],
    ['%w[red green]', ['red', 'green']],
    ['def half(n: number): number\n  n / 2\nhalf 8', 4],
    ['1 < 2 < 3', true],
    ['-7 %% 3', 2],
  ]
  for (const [source, expected] of cases) {
    test(source.split('\n')[0]!, () => {
      expect(run(source)).toEqual(expected)
    })
  }
})

describe('errors', () => {
  const cases: [string, string][] = [
    ['x = 1\n  y = 2', 'unexpected indentation'],
    ['function f() {}', "'function' does not exist here"],
    ['let x = 1', 'variables are not declared'],
    ['a ? b', "has no ':'"],
    ['s = "never closed', 'never closed'],
  ]
  for (const [source, reason] of cases) {
    test(source.split('\n')[0]!, () => {
      expect(() => compile(source)).toThrow(CompileError)
      expect(() => compile(source)).toThrow(reason)
    })
  }

  test('deep nesting is refused with a position', () => {
    expect(() => compile('('.repeat(5000))).toThrow(CompileError)
  })
})

test('an exported type may go on over indented lines', () => {
  const { code } = compile('export type Mode =\n  "up" |\n  "down"\n\nexport base = 10\n')
  expect(code.trim()).toBe('export const base = 10;')
})
