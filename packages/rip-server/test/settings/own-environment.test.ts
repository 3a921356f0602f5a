import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { chownSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { envFileNames } from '../../src/settings/env-files.ts'
import { fileEnvironment, ownEnvironment } from '../../src/settings/own-environment.ts'

test('variables from .env files are left to the processes that read them; other variables win', () => {
  const root = mkdtempSync(join(tmpdir(), 'rip-env-'))
  writeFileSync(join(root, '.env'), 'KEY=file\nSET=file\n')
  writeFileSync(join(root, '.env.local'), 'LOCAL="a b"\n')
  const env = { KEY: 'file', SET: 'outside', LOCAL: 'a b', PATH: '/bin' }
  expect(ownEnvironment(env, [root])).toEqual({ SET: 'outside', PATH: '/bin' })
  rmSync(root, { recursive: true })
  expect(ownEnvironment(env, [root])).toEqual(env)
})

test.each(['.env.example', '.env.bak', '.env.staging', '.envrc'])(
  'a variable of the operator stays although %s, which is not read, has the same value',
  (name) => {
    const root = mkdtempSync(join(tmpdir(), 'rip-env-'))
    writeFileSync(join(root, name), 'AUTH=required\n')
    expect(ownEnvironment({ AUTH: 'required' }, [root])).toEqual({ AUTH: 'required' })
    rmSync(root, { recursive: true })
  },
)

test('a variable exported to this process stays although a file has the same value', () => {
  const root = mkdtempSync(join(tmpdir(), 'rip-env-'))
  const script = `
    const { ownEnvironment } = await import(${JSON.stringify(import.meta.resolve('../../src/settings/own-environment.ts'))})
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

const SAMPLES = 60
/** Pieces of values and of mistakes. */
const PIECES =
  'A B C D E= = : \n \n \r\n \r " \' ` # \\ \\n \\$ $A ${B} ${C:-x} ${Q:-${A}} ${Q:-{a}} $ ${ { } \t export é 1 a.b= x-y= $$ A= B= C= D=" "\n \\" $Q A== \ufeff ${B:- \\\\ :-'
    .split(' ')
    .concat(' ', ' = ', ' #', 'export ', 'x y')

test('.env files are read as Bun reads them, whatever they contain', () => {
  const root = mkdtempSync(join(tmpdir(), 'rip-env-'))
  const own = { NODE_ENV: 'production', B: 'own', C: '' }
  const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 25 }).map((pieces) => pieces.join(''))
  fc.assert(
    fc.property(fc.tuple(text, text, text, text), (texts) => {
      for (const [index, name] of envFileNames('production').entries())
        writeFileSync(join(root, name), texts[index]!)
      const script = 'process.stdout.write(JSON.stringify(process.env))'
      const { stdout } = Bun.spawnSync([process.execPath, '-e', script], { cwd: root, env: own })
      expect(fileEnvironment(own, root, { mode: 'production' })).toEqual(JSON.parse(stdout.toString()))
    }),
    { numRuns: SAMPLES },
  )
  rmSync(root, { recursive: true })
}, 60_000)

test.each(['env = false', '[env]\nfile = false'])(
  'no .env file is read where bunfig.toml says %j',
  (bunfig) => {
    const root = mkdtempSync(join(tmpdir(), 'rip-env-'))
    writeFileSync(join(root, '.env'), 'A=1')
    expect(fileEnvironment({}, root, { mode: 'production' })).toEqual({ A: '1' })
    writeFileSync(join(root, 'bunfig.toml'), bunfig)
    expect(fileEnvironment({}, root, { mode: 'production' })).toEqual({})
    rmSync(root, { recursive: true })
  },
)

test.each([
  ['larger than 1024 KiB', `A=${'x'.repeat(1_048_576)}`],
  ['A is longer than the 128 KiB a variable may have', `A=${'x'.repeat(131_071)}`],
  ['A has a null byte; it has to be UTF-8', 'A=1\0'],
])('a file no process can be given is refused: %s', (reason, text) => {
  const root = mkdtempSync(join(tmpdir(), 'rip-env-'))
  writeFileSync(join(root, '.env'), text)
  expect(() => fileEnvironment({}, root, { mode: 'production' })).toThrow(reason)
  rmSync(root, { recursive: true })
})

test('a folder in place of a .env file is ignored, the null device is an empty file', () => {
  const root = mkdtempSync(join(tmpdir(), 'rip-env-'))
  mkdirSync(join(root, '.env.local'))
  symlinkSync('/dev/null', join(root, '.env.production'))
  writeFileSync(join(root, '.env'), 'A=1')
  expect(fileEnvironment({}, root, { mode: 'production' })).toEqual({ A: '1' })
  rmSync(root, { recursive: true })
})

test('a link out of the folder is followed where folder, link and file belong to one user', () => {
  const root = mkdtempSync(join(tmpdir(), 'rip-env-'))
  mkdirSync(join(root, 'app'))
  writeFileSync(join(root, 'shared'), 'A=1')
  symlinkSync('../shared', join(root, 'app/.env'))
  const read = (isForeign: boolean): unknown =>
    fileEnvironment({}, join(root, 'app'), { mode: 'production', isForeign })
  expect(read(false)).toEqual({ A: '1' })
  expect(read(true)).toEqual({ A: '1' })
  if (process.geteuid?.() === 0) {
    chownSync(join(root, 'shared'), 65_534, 65_534)
    expect(() => read(true)).toThrow('app/.env is not read: it is a link that leads out of its folder')
  }
  rmSync(root, { recursive: true })
})

test.if(process.geteuid?.() === 0)('root follows no link out of the folder of somebody else', () => {
  const root = mkdtempSync(join(tmpdir(), 'rip-env-'))
  const app = join(root, 'app')
  mkdirSync(app)
  writeFileSync(join(root, 'secret'), 'A=1')
  symlinkSync('../secret', join(app, '.env'))
  chownSync(app, 65_534, 65_534)
  const read = (): unknown => fileEnvironment({}, app, { mode: 'production' })
  expect(read).toThrow('a link that leads out')
  chownSync(app, 0, 0)
  lchownSync(join(app, '.env'), 65_534, 65_534)
  expect(read).toThrow('a link that leads out')
  chownSync(app, 65_534, 65_534)
  expect(read).toThrow('a link that leads out')
  // Now it is a release of that user, who links a file that the releases share.
  chownSync(join(root, 'secret'), 65_534, 65_534)
  expect(read()).toEqual({ A: '1' })
  rmSync(root, { recursive: true })
})
