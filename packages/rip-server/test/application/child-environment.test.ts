import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { childEnvironment } from '../../src/application/child-environment.ts'

const CHOICES = ['FORCE_COLOR', 'NO_COLOR', 'NODE_DISABLE_COLORS']

test.each([
  ['a terminal of eight colours', {}, { FORCE_COLOR: '1' }],
  ['one of 256', { TERM: 'xterm-256color' }, { FORCE_COLOR: '2' }],
  ['one of all colours', { TERM: 'xterm-256color', COLORTERM: 'truecolor' }, { FORCE_COLOR: '3' }],
  ['a user without colours', { NO_COLOR: '1' }, { NO_COLOR: '1' }],
  ['a user who has chosen already', { FORCE_COLOR: '0' }, { FORCE_COLOR: '0' }],
])('what children print has colours for %s', (_, env, chosen) => {
  expect(choices(env)).toEqual(chosen)
})

test('a choice about colours in .env counts, too', () => {
  expect(choices({}, 'NODE_DISABLE_COLORS=1\n')).toEqual({ NODE_DISABLE_COLORS: '1' })
})

test('colours are asked for only where there is a terminal', () => {
  expect(choices({ TERM: 'xterm-256color' }, '', false)).toEqual({})
})

function choices(env: Readonly<Record<string, string>>, file = '', isColored = true): unknown {
  const root = mkdtempSync(join(tmpdir(), 'rip-env-'))
  try {
    writeFileSync(join(root, '.env'), file)
    const variables = childEnvironment(env, { root, cwd: root, mode: 'development', isColored })()
    return Object.fromEntries(Object.entries(variables).filter(([name]) => CHOICES.includes(name)))
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}
