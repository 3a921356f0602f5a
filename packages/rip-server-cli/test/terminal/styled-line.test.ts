import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  ansiLine,
  cellsOf,
  cutLine,
  cutText,
  flow,
  line,
  lineCells,
  oneLine,
  padText,
  span,
  spread,
  wrapText,
} from '../../src/terminal/styled-line.ts'

/** Anything that a client or an application may have put into a text. */
const anyText = fc.string({ unit: 'binary', maxLength: 60 })
const cells = fc.integer({ min: 0, max: 120 })

describe('a text of a client', () => {
  test('cannot move the cursor, set a title, turn the direction or join with what is beside it', () => {
    expect(oneLine('a\u001b[2J\u009b1A\u0007b')).toBe('a\\x1b[2J\\x9b1A\\x07b')
    expect(oneLine('two\nlines\ttab')).toBe('two\\nlines\\x09tab')
    expect(oneLine('\u202egnp.exe')).toBe('\\u{202e}gnp.exe')
    expect(oneLine('👩\u200d🚀 ✌\ufe0f 🇩🇪 👍🏽')).toBe(
      '👩\\u{200d}🚀 ✌\\u{fe0f} \\u{1f1e9}\\u{1f1ea} 👍\\u{1f3fd}',
    )
  })

  test('in any language stays as it is', () => {
    for (const text of ['/straße/naïve', '/日本語/カタカナ', '/한국어', '/كتاب', '/สวัสดี', '/emoji/🚀'])
      expect(oneLine(text)).toBe(text)
  })

  test('whatever it is, has no control characters and one width for all terminals', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const safe = oneLine(text)
        expect(safe).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u)
        expect(Bun.stringWidth(safe)).toBeLessThanOrEqual(cellsOf(safe))
      }),
    )
  })
})

describe('a text that is cut or filled', () => {
  test('takes no more cells than there are, whatever it is', () => {
    fc.assert(
      fc.property(anyText, cells, (text, room) => {
        const safe = oneLine(text)
        expect(cellsOf(cutText(safe, room))).toBeLessThanOrEqual(room)
        expect(cellsOf(padText(safe, room))).toBe(room)
        expect(cellsOf(padText(safe, room, 'right'))).toBe(room)
      }),
    )
  })

  test('in rows is all there, and none of them is too wide', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 60 }), (text, room) => {
        const rows = wrapText(oneLine(text), room)
        expect(rows.join('')).toBe(oneLine(text))
        for (const row of rows) expect(cellsOf(row)).toBeLessThanOrEqual(room)
      }),
    )
  })

  test('says that it was longer, and never ends within a wide character', () => {
    expect(cutText('orders', 6)).toBe('orders')
    expect(cutText('orders', 4)).toBe('ord…')
    expect(cutText('日本語', 4)).toBe('日…')
    expect(padText('日本語', 5)).toBe('日本…')
    expect(padText('日本語', 4)).toBe('日… ')
  })
})

describe('a row', () => {
  const row = fc
    .array(fc.record({ text: anyText, style: fc.constantFrom(undefined, 'bad' as const, 'strong' as const) }))
    .map((pieces) => line(...pieces.map(({ text, style }) => span(text, style))))

  test('is as wide as the screen at most, also as bytes', () => {
    fc.assert(
      fc.property(row, cells, fc.boolean(), (given, room, isMarked) => {
        expect(lineCells(cutLine(given, room))).toBeLessThanOrEqual(room)
        const sent = Bun.stripANSI(ansiLine({ ...given, isMarked }, room, true))
        expect(cellsOf(sent)).toBeLessThanOrEqual(room)
        if (isMarked) expect(cellsOf(sent)).toBe(room)
      }),
    )
  })

  test('of two ends keeps the left one where there is no room for both', () => {
    expect(Bun.stripANSI(ansiLine(spread([span('shop')], [span('12:00')], 12), 12, false))).toBe(
      'shop   12:00',
    )
    expect(Bun.stripANSI(ansiLine(spread([span('shop')], [span('12:00')], 8), 8, false))).toBe('shop')
  })

  test('goes on below its label where there is no room', () => {
    const rows = flow('now  ', [[span('12 in flight')], [span('0 queued')], [span('4 sockets')]], 28)
    expect(rows.map((each) => Bun.stripANSI(ansiLine(each, 28, false)))).toEqual([
      'now  12 in flight  0 queued',
      '     4 sockets',
    ])
  })

  test('has no colours where they are not wanted, and is told apart all the same', () => {
    const marked = { ...line(span('w1', 'bad'), span(' ready', 'strong')), isMarked: true }
    expect(ansiLine(marked, 10, false)).toBe(
      '\u001b[7mw1\u001b[0m\u001b[7;1m ready\u001b[0m\u001b[7m  \u001b[0m',
    )
    expect(ansiLine(line(span('w1', 'bad')), 10, true)).toBe('\u001b[31mw1\u001b[0m')
  })
})
