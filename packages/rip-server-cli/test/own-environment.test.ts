import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ownEnvironment } from '../src/config/own-environment.ts'

test('what .env files say is left to those who read them; what was set otherwise wins', () => {
  const root = mkdtempSync(join(tmpdir(), 'rip-env-'))
  writeFileSync(join(root, '.env'), 'KEY=file\nSET=file\n')
  writeFileSync(join(root, '.env.local'), 'LOCAL="a b"\n')
  const env = { KEY: 'file', SET: 'outside', LOCAL: 'a b', PATH: '/bin' }
  expect(ownEnvironment(env, [root])).toEqual({ SET: 'outside', PATH: '/bin' })
  rmSync(root, { recursive: true })
  expect(ownEnvironment(env, [root])).toEqual(env)
})
