import { describe, expect, test } from 'bun:test'
import { compile } from '../../src/compiler/index.ts'

function run(source: string): unknown {
  const { code } = compile(source, { runtime: 'inline' })
  // oxlint-disable-next-line no-eval
  return (0, eval)(`(() => { "use strict"; return eval(${JSON.stringify(code)}) })()`)
}

/** Programs whose values were compared with the reference implementation. */
const PROGRAMS: Readonly<Record<string, readonly [source: string, value: unknown][]>> = {
  literals: [
    ['[.5, 1 + .25]', [0.5, 1.25]],
    ['x = """\\\n  a\\tb\n    c\n  """\nx', 'a\\tb\n  c'],
    ["x = '''\\\n  a\\tb\n  \\'''\nx", 'a\\tb'],
    ['///[ \n]+///.test "\\n"', true],
  ],
  'arrays and patterns': [
    ['[x for x in [1, 2]]', [[1, 2]]],
    ['[0, x for x in [1, 2], 3]', [0, [1, 2], 3]],
    ['[first, ..., last] = [1, 2, 3, 4]\n[first, last]', [1, 4]],
    ['[a, ...] = [1, 2]\na', 1],
    ['x = ([a, ...b, c] = [1, 2, 3])\n[x, b]', [[1, 2, 3], [2]]],
    ['f = ([..., z]) -> z\nf [1, 2]', 2],
  ],
  objects: [
    ['o = {a: 1}\no .a', 1],
    ['o = {a: 1, b: 2}\no .{a}', { a: 1 }],
    ['o = {api . host: 1, a-###note###b: 2}\no', { 'api.host': 1, 'a-b': 2 }],
    ['x =\n  a: 1 if false\n  b: 2\nx', { a: undefined, b: 2 }],
    ['x =\n  b: 2\n  a: i for i in [1, 2]\nx', { b: 2, a: [1, 2] }],
    ['f = (c) ->\n  a: 1 if c\nf false', undefined],
    ['class A\n  data-src: 1\nnew A()["data-src"]', 1],
    ['o =\n  m: -> super.toString()\no.m()', '[object Object]'],
  ],
  'commas at the end': [
    ['f = (...a) -> a.length\n[\n  f 1, 2,\n]', [2]],
    ['f = (...a) -> a.length\n[f 1,]', [1]],
    ['f = (a) -> a\nx = {\n  b: f 1,\n}\nx', { b: 1 }],
    ['f = (...a) -> a.length\nf(\n  f 1,\n  2,  # two\n)', 1],
    ['f = (...a) -> a.length\nx = f 1,\n  2,\ny = 3\n[x, y]', [2, 3]],
    ['f = (...a) -> a.length\nx = f 1,\n    2,\n  3\nx', 3],
    ['f = (a) -> a\nx = f\n  a: 1,\n  b: 2,\ny = 3\n[x, y]', [{ a: 1, b: 2 }, 3]],
    ['f = (...a) -> a.length\nx = 0\nx = f 1,\n  2 if x is 1\nx', 0],
    ['f = (...a) -> a.length\ng = (c) ->\n  return f 1,\n    2 unless c\n  7\n[g(no), g(yes)]', [2, 7]],
    [
      'n = []\nf = (...a) -> n.push a\nf 1,\n  x for x in [2, 3]\nn',
      [
        [1, 2],
        [1, 3],
      ],
    ],
    ['x =\n  a: 1,\n  b: 2,\ny = 3\n[x, y]', [{ a: 1, b: 2 }, 3]],
    ['f = (a) -> a\nx = f a: 1,\n  b: 2,\ny = 3\n[x, y]', [{ a: 1, b: 2 }, 3]],
  ],
  'places in ranges': [
    [
      '([x, i] for x, i in [3..1])',
      [
        [3, 0],
        [2, 1],
        [1, 2],
      ],
    ],
    [
      '([x, i] for x, i in [2..6] by 2)',
      [
        [2, 0],
        [4, 2],
        [6, 4],
      ],
    ],
    [
      '([x, i] for x, i in [6..2] by -2)',
      [
        [6, 0],
        [4, 2],
        [2, 4],
      ],
    ],
    [
      'a = 3\nb = 1\n([x, i] for x, i in [a..b])',
      [
        [3, 0],
        [2, 1],
        [1, 2],
      ],
    ],
    [
      'n = 0\nfrom = -> ++n\nx = ([x, i] for x, i in [from()..2])\n[x, n]',
      [
        [
          [1, 0],
          [2, 1],
        ],
        1,
      ],
    ],
    ['seen = []\nfor x, i in [1..2]\n  i += 10\n  seen.push i\nseen', [10, 11]],
  ],
  'embedded JavaScript': [
    ['`1 + 1`', 2],
    ['x = `[1, 2].map(n => n * 2)`\nx', [2, 4]],
  ],
  'optional targets': [
    ['o = null\no?.x++\no', null],
    ['o = {x: 1}\n++o?.x\no.x', 2],
  ],
  scopes: [
    ['total = -> x\nr = total()\nx = 1\ndef later\n  x\n[r, later()]', [undefined, 1]],
    ['r = late()\nx = 1\ndef late\n  x\nr', undefined],
    ['r = first()\nx = 1\ndef first\n  second()\ndef second\n  x\nr', undefined],
    ['def f\n  1\ng = -> f = 2\n[g(), f()]', [2, 1]],
    ['if true\n  X =! 1\nelse\n  X =! 2\n5', 5],
    ['f = (a) ->\n  b = (a or return 5)\n  b\n[f(0), f(1)]', [5, 1]],
  ],
  'standard names before a bracket': [['[kind(null), kind([])]', ['null', 'array']]],
}

for (const [group, programs] of Object.entries(PROGRAMS)) {
  describe(group, () => {
    for (const [source, value] of programs)
      test(source.replaceAll('\n', '⏎'), () => {
        expect(run(source)).toEqual(value)
      })
  })
}

describe('in dialect 3, `or` and the like end the arguments of a call', () => {
  const double = 'f = (a, b) -> [a, b]\n'
  const programs: readonly [string, unknown][] = [
    ["f 'a', 'b' and 'c'", 'c'],
    ["f null or 'a', 'b'", ['a', 'b']],
    ["f 'a' or 'A', 'b' or 'B'", ['a', 'b']],
    ["(f 'a' or f 'b', 'c')", ['a', undefined]],
  ]
  for (const [source, value] of programs)
    test(source, () => {
      const { code } = compile(double + source, { dialect: 3, runtime: 'inline' })
      // oxlint-disable-next-line no-eval
      expect((0, eval)(code)).toEqual(value)
    })
})
