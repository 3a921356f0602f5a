import { afterEach, beforeEach, expect, spyOn, test } from 'bun:test'
import { globals } from '../../src/index.ts'
import { kind, pj, pp, pr, raise, rand, sleep, todo, zip, assert, noop } from '../../src/runtime/stdlib.ts'

let printed: string[] = []
const log = spyOn(console, 'log')
const dir = spyOn(console, 'dir')

beforeEach(() => {
  printed = []
  log.mockImplementation((...values: unknown[]) => void printed.push(values.join(' ')))
  dir.mockImplementation(() => void printed.push('(inspected)'))
})

afterEach(() => {
  log.mockReset()
  dir.mockReset()
})

class Point {
  readonly x = 1
}

test.each<[unknown, string]>([
  [null, 'null'],
  [undefined, 'undefined'],
  [Number.NaN, 'number'],
  ['', 'string'],
  [true, 'boolean'],
  [1n, 'bigint'],
  [Symbol('s'), 'symbol'],
  [[], 'array'],
  [{}, 'object'],
  [Object.create(null), 'object'],
  [{ constructor: 5 }, 'object'],
  [/x/, 'regexp'],
  [new Date(0), 'date'],
  [new Map(), 'map'],
  [new TypeError(), 'typeerror'],
  [() => 1, 'function'],
  [Promise.resolve(), 'promise'],
  [new Point(), 'point'],
])('kind of %p is %s', (value, name) => {
  expect(kind(value)).toBe(name)
})

test('assert accepts truthy values and throws its message for others', () => {
  expect(() => assert([])).not.toThrow()
  expect(() => assert(0)).toThrow('Assertion failed')
  expect(() => assert(0, 'no users')).toThrow('no users')
})

test('raise takes a message, an error, or a class with a message', () => {
  const error = new RangeError('far')
  expect(() => raise('bad')).toThrow(new Error('bad'))
  expect(() => raise(error)).toThrow(error)
  expect(() => raise(TypeError, 'bad')).toThrow(new TypeError('bad'))
  expect(() => raise()).toThrow(Error)
})

test('todo throws', () => {
  expect(() => todo()).toThrow('Not implemented')
  expect(() => todo('later')).toThrow('later')
})

test('rand stays within its bounds', () => {
  for (let round = 0; round < 200; round++) {
    expect(rand()).toBeWithin(0, 1)
    expect([0, 1, 2]).toContain(rand(3))
    expect([5, 6, 7]).toContain(rand(5, 7))
    expect([5, 6, 7]).toContain(rand(7, 5))
  }
})

test('zip returns as many groups as the first array has items', () => {
  expect(zip(['a', 'b'], [1, 2])).toEqual([
    ['a', 1],
    ['b', 2],
  ])
  expect(zip([1, 2], [3])).toEqual([
    [1, 3],
    [2, undefined],
  ])
  expect(zip([1], [2, 3])).toEqual([[1, 2]])
  expect(zip()).toEqual([])
})

test('sleep resolves', async () => {
  expect(await sleep(1)).toBeUndefined()
})

test('noop does nothing', () => {
  expect(noop()).toBeUndefined()
})

test('pp, pj and pr return what they print', () => {
  const value = { a: [1] }
  expect([pp(value), pj(value), pr(value)]).toEqual([value, value, value])
  expect(printed).toEqual(['(inspected)', '{\n  "a": [\n    1\n  ]\n}', '{\n  a: [\n    1\n  ]\n}'])
})

test.each<[unknown, string]>([
  ['it\'s "so"\n', `'it\\'s "so"\\n'`],
  [Symbol.for('name'), ':name'],
  [null, 'null'],
  [[], '[]'],
  [{ 'a b': 1, c: undefined }, "{\n  'a b': 1\n  c: undefined\n}"],
])('pr writes %p as Rip', (value, text) => {
  pr(value)
  expect(printed).toEqual([text])
})

const cyclic: { self?: unknown } = {}
cyclic.self = cyclic

test.each<[unknown]>([
  [new Point()],
  [new Date(0)],
  [1n],
  [Symbol('own')],
  [() => 1],
  [[new Map()]],
  [cyclic],
])('pr falls back to inspection for %p', (value) => {
  expect(pr(value)).toBe(value)
  expect(printed).toEqual(['(inspected)'])
})

test('the record of globals has all of them', () => {
  expect(Object.keys(globals)).toEqual(
    'abort assert exit kind noop p pj pp pr raise rand sleep todo warn zip'.split(' '),
  )
})
