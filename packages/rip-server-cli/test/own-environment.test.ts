import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expanded } from '../src/config/env-files.ts'
import { fileVariables, ownEnvironment } from '../src/config/own-environment.ts'

test('what .env files say is left to those who read them; what was set otherwise wins', () => {
  const root = mkdtempSync(join(tmpdir(), 'rip-env-'))
  writeFileSync(join(root, '.env'), 'KEY=file\nSET=file\n')
  writeFileSync(join(root, '.env.local'), 'LOCAL="a b"\n')
  const env = { KEY: 'file', SET: 'outside', LOCAL: 'a b', PATH: '/bin' }
  expect(ownEnvironment(env, [root])).toEqual({ SET: 'outside', PATH: '/bin' })
  rmSync(root, { recursive: true })
  expect(ownEnvironment(env, [root])).toEqual(env)
})

test.each(['.env.example', '.env.bak', '.env.staging', '.envrc'])(
  'what the operator set stays although %s, which nobody reads, says the same',
  (name) => {
    const root = mkdtempSync(join(tmpdir(), 'rip-env-'))
    writeFileSync(join(root, name), 'AUTH=required\n')
    expect(ownEnvironment({ AUTH: 'required' }, [root])).toEqual({ AUTH: 'required' })
    rmSync(root, { recursive: true })
  },
)

test('what was exported to this process stays although a file says the same', () => {
  const root = mkdtempSync(join(tmpdir(), 'rip-env-'))
  const script = `
    const { ownEnvironment } = await import(${JSON.stringify(import.meta.resolve('../src/config/own-environment.ts'))})
    const { AUTH, FROM_FILE } = ownEnvironment(process.env, [${JSON.stringify(root)}])
    console.log(AUTH, FROM_FILE)`
  writeFileSync(join(root, '.env'), 'AUTH=required\nFROM_FILE=1\n')
  const { npm_lifecycle_event: _, ...env } = process.env
  const { stdout } = Bun.spawnSync([process.execPath, '-e', script], {
    cwd: root,
    env: { ...env, AUTH: 'required' },
    stderr: 'inherit',
  })
  expect(stdout.toString().trim()).toBe(
    process.platform === 'linux' ? 'required undefined' : 'undefined undefined',
  )
  rmSync(root, { recursive: true })
})

test('references to other variables are resolved as the runtime does it', () => {
  const values: Record<string, string> = { H: 'localhost' }
  const resolved = (text: string): string => expanded(text, (name) => values[name])
  expect(resolved('pg://${H}/$H')).toBe('pg://localhost/localhost')
  expect(resolved('${NO:-dflt}-$NO-\\$H')).toBe('dflt--$H')
  const root = mkdtempSync(join(tmpdir(), 'rip-env-'))
  writeFileSync(join(root, '.env.development'), 'DB=pg://${H}/dev\nH=dev\n')
  writeFileSync(join(root, '.env'), 'H=$SELF\nSELF=$SELF\nURL=http://${H}\n')
  expect(ownEnvironment({ DB: 'pg://dev/dev', H: 'dev', X: '1' }, [root])).toEqual({ X: '1' })
  const read = (own: Record<string, string>, mode: 'production' | 'development'): unknown =>
    fileVariables(own, root, mode).get('URL')?.value
  expect(read({}, 'development')).toBe('http://dev')
  expect(read({ SELF: 'me' }, 'production')).toBe('http://me')
  expect(fileVariables({}, root, 'development').get('DB')).toEqual({
    value: 'pg://dev/dev',
    file: '.env.development',
  })
  rmSync(root, { recursive: true })
})
