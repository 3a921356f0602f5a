import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile } from '../../src/compiler/index.ts'
import { placesOf } from '../places-of.ts'
import type { Place } from '../places-of.ts'
import { namesOf } from './names-of.ts'

const samples = join(import.meta.dir, 'samples')
const programs = readdirSync(samples)
  .filter((name) => !name.startsWith('rejected-'))
  .map((name) => [name, readFileSync(join(samples, name, 'input.rip'), 'utf8')] as const)

interface Mapped extends Place {
  /** The name in the code, and the source text from that position on. */
  readonly to: string | undefined
  readonly from: string
}

const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$]*/u

function mapped(source: string): Mapped[] {
  const { code, map } = compile(source, { filename: 'input.rip', sourceMap: true })
  const lines = code.split('\n')
  const sourceLines = source.split('\n')
  return placesOf(map!).map((place) => ({
    ...place,
    to: NAME.exec(lines[place.line]!.slice(place.column))?.[0],
    from: sourceLines[place.sourceLine]!.slice(place.sourceColumn),
  }))
}

function offsetOf(source: string, { sourceLine, sourceColumn }: Place): number {
  const before = source.split('\n').slice(0, sourceLine)
  return before.reduce((sum, line) => sum + line.length + 1, 0) + sourceColumn
}

/** `{a: a}` is printed as `{a}`, which can have only one position. */
function isPrintedOnce(source: string, { name, start }: { name: string; start: number }): boolean {
  return new RegExp(`^${RegExp.escape(name)}:\\s*${RegExp.escape(name)}(?![\\w$(.[])`).test(
    source.slice(start),
  )
}

describe.each(programs)('the map of %s', (_, source) => {
  test('has a position for every name of the source', () => {
    const places = new Map<number, Mapped[]>()
    for (const place of mapped(source)) {
      const offset = offsetOf(source, place)
      places.set(offset, [...(places.get(offset) ?? []), place])
    }
    const missing = namesOf(source).filter(({ name, start }) => {
      return !places.get(start)?.some((place) => place.to === name || place.name === name)
    })
    expect(missing.filter((name) => !isPrintedOnce(source, name))).toEqual([])
  })

  test('mistakes no name for another', () => {
    const names = new Set(namesOf(source).map(({ name }) => name))
    const wrong = mapped(source).filter(({ to, from, name }) => {
      const meant = name ?? to
      return (
        meant !== undefined &&
        names.has(meant) &&
        NAME.exec(from)?.[0] !== meant &&
        names.has(NAME.exec(from)?.[0] ?? '')
      )
    })
    expect(wrong).toEqual([])
  })

  test('has one position for each column, all inside the text', () => {
    const { code, map } = compile(source, { sourceMap: true })
    const lines = code.split('\n')
    let last: Place | undefined
    for (const place of placesOf(map!)) {
      expect(place.column).toBeLessThanOrEqual(lines[place.line]!.length)
      expect(place.sourceColumn).toBeLessThanOrEqual(source.split('\n')[place.sourceLine]!.length)
      if (last?.line === place.line) expect(place.column).toBeGreaterThan(last.column)
      last = place
    }
  })
})

test('a name that is spelled differently in the code is named', () => {
  const source = 'class Child extends Parent\n  constructor: (@size, size) -> super(@size)\n'
  const { code, map } = compile(source, { sourceMap: true })
  expect(code).toContain('constructor(_size, size)')
  const places = placesOf(map!).filter(({ name }) => name === 'size')
  expect(places.map(({ sourceColumn }) => sourceColumn)).toContain(source.split('\n')[1]!.indexOf('size'))
  for (const { line, column } of places) expect(code.split('\n')[line]!.slice(column)).toStartWith('_size')
})

test('embedded JavaScript keeps its positions', () => {
  const source = 'a = 1\n```\nlet b = a\n  b++\n```\nc = `a + b`\n'
  const names = mapped(source).map(({ sourceLine, sourceColumn, to }) => [sourceLine, sourceColumn, to])
  for (const place of [
    [2, 4, 'b'],
    [2, 8, 'a'],
    [3, 2, 'b'],
    [5, 5, 'a'],
    [5, 9, 'b'],
  ])
    expect(names).toContainEqual(place)
})

test('runtime lines before the program have no positions', () => {
  const source = 'count := 1\ncount += 1\n'
  const { code, map } = compile(source, { runtime: 'inline', sourceMap: true })
  const first = placesOf(map!)[0]!
  expect(first.line).toBeGreaterThan(100)
  expect(code.split('\n')[first.line]).toStartWith('const count = ')
})

test('Windows line ends are handled', () => {
  const source = 'a = 1\r\nb = a\r\n'
  const { map } = compile(source, { sourceMap: true })
  const last = placesOf(map!).at(-1)!
  expect([last.sourceLine, last.sourceColumn]).toEqual([1, 4])
})
