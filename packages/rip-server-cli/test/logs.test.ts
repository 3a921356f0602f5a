import { describe, expect, test } from 'bun:test'
import { Unacceptable } from '@rip/server/settings'
import { LogPrinter, type LogPrinterOptions } from '../src/instance/log-printer.ts'
import { patternOf, processName } from '../src/instance/log-selection.ts'
import { momentOf } from '../src/instance/since.ts'

const AT_MS = Date.UTC(2026, 4, 4, 10, 20, 30)

/** Prints lines `[name, text]`, a second apart, as they are in the log; behind `past` come those of later on. */
async function printed(
  options: Partial<LogPrinterOptions>,
  past: readonly (readonly [string, string])[],
  later: readonly (readonly [string, string])[] = [],
  isShortened = false,
): Promise<{ readonly text: string; readonly said: readonly string[] }> {
  const [lines, said]: [string[], string[]] = [[], []]
  const printer = new LogPrinter({
    selection: {},
    format: 'text',
    colored: false,
    stamped: false,
    write: async (text) => lines.push(text),
    say: (message) => said.push(message),
    ...options,
  })
  const file = [...past, ...later].map(([name, text], at) => {
    const worker = { slot: Number(name.slice(1)), generation: 'abc' }
    return `${JSON.stringify({ name, worker, stream: 'stdout', text, continues: false, atMs: AT_MS + at * 1_000 })}\n`
  })
  // In pieces that end within a line.
  const bytes = new TextEncoder().encode(file.slice(0, past.length).join(''))
  await printer.take(bytes.subarray(0, 30))
  await printer.take(bytes.subarray(30))
  await printer.endPast({ workers: [], background: [] }, isShortened)
  await printer.take(new TextEncoder().encode(file.slice(past.length).join('')))
  return { text: lines.join(''), said }
}

const PAST = [
  ['w1', 'one'],
  ['w2', 'two'],
  ['w1', '\u001b[31mThree\u001b[0m'],
] as const
const LATER = [['w2', 'four']] as const

describe('logs', () => {
  test('prints the last lines, and then all that come', async () => {
    expect((await printed({ last: 2 }, PAST, LATER)).text).toBe(
      'w2 | two\nw1 | \u001b[31mThree\u001b[0m\nw2 | four\n',
    )
    expect((await printed({ last: 0 }, PAST, LATER)).text).toBe('w2 | four\n')
    expect((await printed({ last: 9 }, PAST)).text.split('\n')).toHaveLength(4)
  })

  test('prints lines since a moment, of some workers, and that match', async () => {
    expect((await printed({ selection: { sinceMs: AT_MS + 1_000 } }, PAST)).text).toStartWith(
      'w2 | two\nw1 | ',
    )
    expect((await printed({ selection: { names: new Set(['w2']) } }, PAST, LATER)).text).toBe(
      'w2 | two\nw2 | four\n',
    )
    expect((await printed({ selection: { pattern: patternOf('^t') }, last: 1 }, PAST)).text).toContain(
      'Three',
    )
    expect((await printed({ selection: { pattern: patternOf('^T|o\\S$') } }, PAST)).text).toContain('Three')
    expect((await printed({ selection: { pattern: patternOf('^T') } }, PAST)).text).not.toContain('two')
  })

  test('has the time before each line if that is wanted', async () => {
    expect((await printed({ stamped: true, last: 1 }, [PAST[0]])).text).toBe(
      '2026-05-04T10:20:30.000Z w1 | one\n',
    )
    expect((await printed({ stamped: true, format: 'json' }, [PAST[0]])).text).toStartWith('{"worker":1')
  })

  test('says where the log begins when earlier lines were wanted', async () => {
    const begins = ['what is kept begins at 2026-05-04T10:20:30.000Z']
    expect((await printed({ selection: { sinceMs: AT_MS - 1 } }, PAST, [], true)).said).toEqual(begins)
    expect((await printed({ selection: { sinceMs: AT_MS - 1 } }, PAST)).said).toEqual([])
    expect((await printed({ selection: { sinceMs: AT_MS } }, PAST, [], true)).said).toEqual([])
  })

  test('refuses a worker that neither runs nor has written anything', async () => {
    const lines = printed({ selection: { names: new Set(['w2', 'w9']) } }, PAST)
    expect(lines).rejects.toMatchObject({ code: 'NO_WORKER', detail: { name: 'w9' } })
  })

  test('takes a worker by its number, and as it is shown', () => {
    expect(['2', 'w2', 'w2.13', 'mailer'].map(processName)).toEqual(['w2', 'w2', 'w2', 'mailer'])
  })

  test('refuses a pattern that is none, and shows how to search for the text itself', () => {
    expect(() => patternOf('f(')).toThrow(Unacceptable)
    expect(patternOf(RegExp.escape('f(')).test('f(x)')).toBe(true)
  })
})

describe('a moment', () => {
  const nowMs = new Date(2026, 4, 4, 15, 0).getTime()
  const momentAt = (text: string): string => {
    const at = new Date(momentOf(text, nowMs))
    return `${at.getMonth() + 1}-${at.getDate()} ${at.toTimeString().slice(0, 8)}`
  }

  test.each([
    ['10m', '5-4 14:50:00'],
    ['10m ago', '5-4 14:50:00'],
    ['14:30', '5-4 14:30:00'],
    ['9:05:07', '5-4 09:05:07'],
    ['today', '5-4 00:00:00'],
    ['yesterday', '5-3 00:00:00'],
    ['2026-05-02', '5-2 00:00:00'],
    ['2026-05-02 08:00', '5-2 08:00:00'],
    ['2026-05-02T08:00:09', '5-2 08:00:09'],
  ])('may be given as %s', (text, expected) => expect(momentAt(text)).toBe(expected))

  test('may be of another time zone', () => {
    expect(momentOf('2026-05-02T08:00:00+05:00', nowMs)).toBe(Date.UTC(2026, 4, 2, 3))
  })

  test.each(['', '10', 'soon', '25:00', '2026-13-01', '23:59', '-5m'])('is not %p', (text) => {
    expect(() => momentOf(text, nowMs)).toThrow(Unacceptable)
  })
})
