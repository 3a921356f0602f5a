import { expect, test } from 'bun:test'
import { runInThisContext } from 'node:vm'
import fc from 'fast-check'
import { asciiCode } from '../src/ascii-code.ts'
import { REGISTER, runBun } from './run-bun.ts'
import { tempProject } from './temp-project.ts'

test('code in ASCII stays as it is', () => {
  const map = { version: 3, sources: [], names: [], mappings: 'AAAA' } as const
  expect(asciiCode({ code: 'a = 1', map })).toEqual({ code: 'a = 1', map })
})

test('characters in strings, templates, expressions and names keep their meaning', () => {
  const evaluate = (code: string): unknown => runInThisContext(`(${code})`)
  for (const code of [
    '"é·€😀"',
    '`a${"ü"}b😀`',
    '/^[ä-ü]+$/.test("äöü")',
    '"\\é\\\\é"',
    '(() => { const naïve = 7; return naïve })()',
  ]) {
    const ascii = asciiCode({ code }).code
    expect(ascii).toMatch(/^[\0-\x7f]*$/)
    expect(evaluate(ascii)).toEqual(evaluate(code))
  }
})

test('any text survives as a string', () => {
  // Code units, so that halves of pairs occur; the built-in alphabets take seconds to set up on a busy machine.
  const unit = fc.nat({ max: 0xff_ff }).map((code) => String.fromCharCode(code))
  fc.assert(
    fc.property(fc.string({ unit }), (text) => {
      expect(JSON.parse(asciiCode({ code: JSON.stringify(text) }).code)).toBe(text)
    }),
  )
})

test('generated columns of a map move with the code', () => {
  // Segments at columns 0, 4 and 6 of a line whose columns 1 and 5 are escaped.
  const map = { version: 3, sources: ['a'], names: [], mappings: 'AAAA,IAAI,EAAE;AACA' } as const
  const moved = asciiCode({ code: 'xé  zé y\nx', map })
  expect(moved.code).toBe('x\\u00e9  z\\u00e9 y\nx')
  // 4 became 9 and 6 became 16: differences of 9 and 7.
  expect(moved.map?.mappings).toBe('AAAA,SAAI,OAAE;AACA')
})

test('a .rip module keeps its non-ASCII text in every script, and its errors keep their positions', async () => {
  using project = tempProject({
    'app.rip': `naïve = 'a · ü € 😀'\nconsole.log naïve, naïve.length\nconsole.log 'é', (new Error '·').stack\n`,
  })
  const { stdout } = await runBun(['--preload', REGISTER, 'app.rip'], { cwd: project.root })
  expect(stdout).toStartWith('a · ü € 😀 10\né Error: ·\n')
  expect(stdout).toContain('app.rip:3:19')
})
