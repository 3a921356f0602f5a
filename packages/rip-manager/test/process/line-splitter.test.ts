import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { LineSplitter } from '../../src/process/line-splitter.ts'

interface Piece {
  readonly text: string
  readonly continues: boolean
}

function pieces(chunks: readonly Uint8Array[], maxLineBytes = 1_000): readonly Piece[] {
  const found: Piece[] = []
  const splitter = new LineSplitter(maxLineBytes, (bytes, continues) =>
    found.push({ text: Buffer.from(bytes).toString('latin1'), continues }),
  )
  for (const chunk of chunks) splitter.push(chunk)
  splitter.end()
  return found
}

function split(chunks: readonly Uint8Array[], maxLineBytes = 1_000): readonly string[] {
  return pieces(chunks, maxLineBytes).map(({ text }) => Buffer.from(text, 'latin1').toString())
}

function cutAt(bytes: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] {
  const edges = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length]
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
}

const cuts = fc.array(fc.nat(40), { maxLength: 12 })

test('lines do not depend on how the bytes arrive', () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ' '))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), cuts, (lines, at) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''))
      expect(split(cutAt(bytes, at))).toEqual(lines)
    }),
  )
})

test('no byte is lost or changed, whatever is written and however it is cut', () => {
  const byte = fc.oneof(fc.constant(10), fc.integer({ min: 0, max: 255 }))
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 60 }), cuts, (written, at) => {
      const found = pieces(cutAt(Uint8Array.from(written), at), 7)
      const joined = found.map(({ text, continues }) => (continues ? text : `${text}\n`)).join('')
      const expected = Buffer.from(written).toString('latin1')
      expect(joined).toBe(expected === '' || expected.endsWith('\n') ? expected : `${expected}\n`)
      expect(found.every(({ text }) => text.length <= 7)).toBe(true)
    }),
  )
})

test('a last line without an end is handed out at the end', () => {
  expect(split([Buffer.from('a\nb')])).toEqual(['a', 'b'])
})

test('a line of the greatest length is whole, also when its end comes later', () => {
  expect(split([Buffer.from('x'.repeat(10)), Buffer.from('\ny\n')], 10)).toEqual(['x'.repeat(10), 'y'])
})

test('an endless line is handed out in pieces that say so', () => {
  const ten = { text: 'x'.repeat(10), continues: true }
  const last = { text: 'xxxxx', continues: false }
  expect(pieces([Buffer.from('x'.repeat(25)), Buffer.from('\n')], 10)).toEqual([ten, ten, last])
  expect(pieces([Buffer.from(`${'x'.repeat(25)}\n`)], 10)).toEqual([ten, ten, last])
})

test('no character is cut in two', () => {
  expect(split([Buffer.from('äöüßé\n')], 5)).toEqual(['äö', 'üß', 'é'])
})
