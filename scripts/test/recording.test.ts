import { expect, test } from 'bun:test'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { castText, readCast } from '../src/recording/cast.ts'
import { drawing } from '../src/recording/drawing.ts'

const docs = join(import.meta.dir, '../../docs')
const cast = await Bun.file(join(docs, 'recording.cast')).text()
const svg = await Bun.file(join(docs, 'recording.svg')).text()

test('the picture in the README is drawn from the recording beside it', async () => {
  expect(await drawing(readCast(cast))).toBe(svg)
})

test('the recording names no folder of the machine it was made on, and not that machine', () => {
  for (const text of [cast, svg]) {
    expect(text).not.toMatch(/\/(?:tmp|root|home|run|usr|var)\//)
    expect(text).not.toContain(hostname())
  }
})

test('long pauses are cut, and what was recorded is read as it was written', () => {
  const outputs = [
    { atMs: 100, text: '$ ' },
    { atMs: 9_100, text: 'ls\r\n' },
    { atMs: 9_200, text: '\u001b[32mok' },
  ]
  const read = readCast(castText({ columns: 80, rows: 24, outputs }))
  expect(read).toEqual({
    columns: 80,
    rows: 24,
    outputs: [
      { atMs: 100, text: '$ ' },
      { atMs: 1_600, text: 'ls\r\n' },
      { atMs: 1_700, text: '\u001b[32mok' },
    ],
  })
})

test('a row is drawn from when it is there until it changes', async () => {
  const outputs = [
    { atMs: 0, text: 'one' },
    { atMs: 500, text: '\r\u001b[31mtwo\u001b[m & three' },
  ]
  const drawn = await drawing({ columns: 20, rows: 2, outputs })
  expect(drawn).toContain('>one</text>')
  expect(drawn).toContain('style="fill:#f07178">two</text>')
  expect(drawn).toContain('>&amp; three</text>')
  expect(drawn.match(/<use [^>]*>/g)).toEqual([
    expect.stringContaining('visibility="hidden"'),
    expect.not.stringContaining('visibility="hidden"'),
  ])
})
