import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { fitGlyphs, showsGlyphs } from '@rip/balancer/text'

const PACKAGES = join(import.meta.dir, '../../..')
const SOURCES = ['rip-server-cli/src', 'rip-balancer/src/text', 'rip-balancer/src/cli']
const plain = fitGlyphs({ isTTY: true }, { LANG: 'C' })
const ASCII = /^\p{ASCII}$/u
/** Half blocks of a QR code, which is not printed where they cannot be, and what stands in comments. */
const NEVER_PRINTED = new Set(['▀', '▄', '§'])

describe('a terminal shows more than ASCII', () => {
  test.each([
    [{}, true],
    [{ LANG: '' }, true],
    [{ LANG: 'de_DE.UTF-8' }, true],
    [{ LANG: 'C', LC_ALL: 'C.utf8' }, true],
    [{ LC_CTYPE: 'UTF-8' }, true],
    [{ LANG: 'C' }, false],
    [{ LANG: 'de_DE.UTF-8', LC_ALL: 'POSIX' }, false],
    [{ LC_CTYPE: 'de_DE.ISO-8859-15@euro', LANG: 'de_DE.UTF-8' }, false],
    [{ LANG: 'de_DE.UTF-8', TERM: 'linux' }, false],
  ])('with %j: %p', (env, expected) => {
    expect(showsGlyphs(env)).toBe(expected)
  })
})

test('where it does not, signs become ASCII of the same width', () => {
  expect(plain('✓ a → b ███▌░ …')).toBe('+ a > b ####. .')
  expect(fitGlyphs({ isTTY: true }, {})('✗ gone')).toBe('✗ gone')
  // A pipe or a file is read by programs, or later.
  expect(fitGlyphs({ isTTY: false }, { LANG: 'C' })('✗ gone')).toBe('✗ gone')
})

test('every sign that our programs print has one', async () => {
  const signs = new Set<string>()
  for (const folder of SOURCES.map((each) => join(PACKAGES, each)))
    for await (const file of new Bun.Glob('**/*.ts').scan({ cwd: folder, absolute: true }))
      for (const sign of await Bun.file(file).text()) if (!ASCII.test(sign)) signs.add(sign)
  expect(signs.size).toBeGreaterThan(20)
  const left = [...signs].filter((sign) => !ASCII.test(plain(sign)) && !NEVER_PRINTED.has(sign))
  expect(left).toEqual([])
})
