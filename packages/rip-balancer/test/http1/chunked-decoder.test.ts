import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { ChunkedDecoder } from '../../src/http1/chunked-decoder.ts'
import { SMALL_LIMITS, bytes, cutAt, splits } from './feeding.ts'

type Result = { body: string; outcome: string; rest: number }

function decode(pieces: readonly Buffer[]): Result {
  const decoder = new ChunkedDecoder(SMALL_LIMITS)
  let body = ''
  let before = 0
  for (const piece of pieces) {
    let event = decoder.next(piece, 0, piece.length)
    while (event === 'data') {
      body += piece.toString('latin1', decoder.dataStart, decoder.dataEnd)
      event = decoder.next(piece, decoder.at, piece.length)
    }
    if (event === 'refused') return { body: '', outcome: decoder.fault!, rest: 0 }
    if (event === 'end') return { body, outcome: 'end', rest: before + decoder.at }
    before += piece.length
  }
  return { body, outcome: 'more', rest: before }
}

const accepted: [name: string, raw: string, body: string][] = [
  ['an empty body', '0\r\n\r\n', ''],
  ['two chunks', '5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n', 'hello!'],
  [
    'sizes in both cases and with leading zeros',
    '00A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n',
    '01234567890123456789a',
  ],
  ['extensions', '1;a=b;c\r\nx\r\n0;last\r\n\r\n', 'x'],
  ['white space in front of an extension', '1 \t; a = "b;c d"\r\nx\r\n0\r\n\r\n', 'x'],
  ['trailers', '1\r\nx\r\n0\r\nX-T: v\r\n\r\n', 'x'],
]

const refused: [name: string, raw: string, fault: string][] = [
  ['no size', '\r\nx\r\n0\r\n\r\n', 'bad-chunk-size'],
  ['a prefix', '0x1\r\nx\r\n0\r\n\r\n', 'bad-chunk-size'],
  ['a sign', '+1\r\nx\r\n0\r\n\r\n', 'bad-chunk-size'],
  ['a space in front', ' 1\r\nx\r\n0\r\n\r\n', 'bad-chunk-size'],
  ['a space behind', '1 \r\nx\r\n0\r\n\r\n', 'bad-chunk-size'],
  ['a size of 2^64', '10000000000000000\r\nx', 'bad-chunk-size'],
  ['a size beyond 2^53', '20000000000001\r\nx', 'bad-chunk-size'],
  ['a bare LF behind the size', '1\nx\r\n0\r\n\r\n', 'bad-chunk-size'],
  ['a CR alone behind the size', '1\rx\r\n0\r\n\r\n', 'bad-chunk-size'],
  ['data longer than its size', '1\r\nxy\r\n0\r\n\r\n', 'bad-chunk-end'],
  ['a bare LF behind the data', '1\r\nx\n0\r\n\r\n', 'bad-chunk-end'],
  ['an extension without a name', '1;\r\nx\r\n0\r\n\r\n', 'bad-chunk-extension'],
  ['a NUL in an extension', '1;a=\0\r\nx\r\n0\r\n\r\n', 'bad-chunk-extension'],
  ['a LF in an extension', '1;a\nx\r\n0\r\n\r\n', 'bad-chunk-extension'],
  ['a trailer without a colon', '0\r\nfoo\r\n\r\n', 'bad-field-name'],
  ['a folded trailer', '0\r\nX: a\r\n b\r\n\r\n', 'folded-field'],
  ['a bare LF at the end', '0\r\n\n', 'bad-line-end'],
  ['a trailer section beyond its limit', `0\r\nX: ${'a'.repeat(300)}\r\n\r\n`, 'head-too-large'],
]

describe('a chunked body is decoded, wherever the input is split:', () => {
  for (const [name, raw, body] of accepted)
    test(name, () => {
      for (const pieces of splits(bytes(raw)))
        expect(decode(pieces)).toEqual({ body, outcome: 'end', rest: raw.length })
    })
})

describe('a chunked body is refused, wherever the input is split:', () => {
  for (const [name, raw, fault] of refused)
    test(`${name} (${fault})`, () => {
      for (const pieces of splits(bytes(raw))) expect(decode(pieces).outcome).toBe(fault)
    })
})

test('bytes after the last chunk are left alone', () => {
  expect(decode([bytes('1\r\nx\r\n0\r\n\r\nGET /')])).toEqual({ body: 'x', outcome: 'end', rest: 11 })
})

test('extensions are bounded relative to the data they come with', () => {
  const flood = `1;${'a'.repeat(90)}\r\nx\r\n`.repeat(60)
  expect(decode([bytes(flood)]).outcome).toBe('bad-chunk-extension')
  const signed = `10000;chunk-signature=${'f'.repeat(64)}\r\n${'x'.repeat(65_536)}\r\n`.repeat(80)
  expect(decode([bytes(`${signed}0\r\n\r\n`)]).outcome).toBe('end')
})

test('property: any splitting of any chunks gives the same body', () => {
  const parts = fc.array(fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme-ascii' }), { maxLength: 8 })
  const cuts = fc.array(fc.nat(400), { maxLength: 10 })
  fc.assert(
    fc.property(parts, cuts, (list, offsets) => {
      const raw = bytes(
        `${list.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n`,
      )
      const result = decode(
        cutAt(
          raw,
          offsets.filter((at) => at < raw.length),
        ),
      )
      expect(result).toEqual({ body: list.join(''), outcome: 'end', rest: raw.length })
    }),
  )
})

test('property: random bytes never throw', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 5 }), (pieces) => {
      decode(pieces.map((piece) => Buffer.from(piece)))
    }),
  )
})
