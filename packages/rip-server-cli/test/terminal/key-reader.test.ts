import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { KeyReader } from '../../src/terminal/key-reader.ts'

function keys(...parts: string[]): string[] {
  const reader = new KeyReader()
  return [...parts.flatMap((part) => reader.read(new TextEncoder().encode(part))), ...reader.settle()]
}

describe('keys', () => {
  test.each([
    ['q', ['q']],
    ['\u001b[A\u001b[B\u001bOC\u001bOD', ['up', 'down', 'right', 'left']],
    ['\u001b[H\u001b[4~\u001b[5~\u001b[6~', ['home', 'end', 'page-up', 'page-down']],
    ['\r\n\t\u001b[Z', ['enter', 'enter', 'tab', 'back-tab']],
    ['\u007f\b', ['backspace', 'backspace']],
    ['\u0003\u001a\u000c', ['interrupt', 'suspend', 'redraw']],
    ['äß日🚀', ['ä', 'ß', '日', '🚀']],
    ['\u001b', ['escape']],
    ['\u001bq', ['escape', 'q']],
    ['\u001b\u001b[A', ['escape', 'up']],
  ])('%j are read', (bytes, expected) => {
    expect(keys(bytes)).toEqual(expected)
  })

  test('that arrive in parts are put together, as over a slow connection', () => {
    expect(keys('\u001b', '[', 'A')).toEqual(['up'])
    expect(keys('\u001b[1', '~')).toEqual(['home'])
  })

  test('without a meaning, the mouse, and what a terminal reports by itself are no text', () => {
    expect(keys('\u001b[200~\u001b[<0;12;3M\u001b[?2026;2$y\u001b[1;5C\u0000\u0001x')).toEqual(['x'])
  })

  test('are the same however they are divided', () => {
    const pieces = fc.array(fc.constantFrom('a', '\u001b[A', '\u001bOB', '\u001b[5~', 'ü', '🚀', '\r'), {
      maxLength: 12,
    })
    fc.assert(
      fc.property(pieces, (given) => {
        const bytes = new TextEncoder().encode(given.join(''))
        const reader = new KeyReader()
        const whole = reader.read(bytes)
        const single = new KeyReader()
        expect([...bytes].flatMap((byte) => single.read(Uint8Array.of(byte)))).toEqual(whole)
      }),
    )
  })
})
