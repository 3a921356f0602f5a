import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { LineSplitter } from '../../src/process/line-splitter.ts'

function split(chunks: readonly Uint8Array[], maxLineChars = 1_000): readonly string[] {
  const lines: string[] = []
  const splitter = new LineSplitter(maxLineChars, (line) => lines.push(line))
  for (const chunk of chunks) splitter.push(chunk)
  splitter.end()
  return lines
}

test('lines do not depend on how the bytes arrive', () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\r\n]/g, ' '))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(40), { maxLength: 12 }), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''))
      const edges = [
        0,
        ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b),
        bytes.length,
      ]
      const chunks = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
      expect(split(chunks)).toEqual(lines)
    }),
  )
})

test('a last line without an end is handed out at the end', () => {
  expect(split([Buffer.from('a\nb')])).toEqual(['a', 'b'])
})

test('carriage returns before a line end are dropped', () => {
  expect(split([Buffer.from('a\r'), Buffer.from('\nb\r\n')])).toEqual(['a', 'b'])
})

test('an endless line is handed out in pieces', () => {
  expect(split([Buffer.from('x'.repeat(25)), Buffer.from('\n')], 10)).toEqual([
    'x'.repeat(10),
    'x'.repeat(10),
    'xxxxx',
  ])
  expect(split([Buffer.from(`${'x'.repeat(25)}\n`)], 10)).toEqual(['x'.repeat(10), 'x'.repeat(10), 'xxxxx'])
})
