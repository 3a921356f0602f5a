import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Findings } from '@rip/manager'
import { VerdictFolder } from '../../src/instance/verdict-folder.ts'

const GOOD = '0123456789ab'
const findings: Findings = {
  condemned: [{ generation: 'ba9876543210', by: 'server', reason: '12 of 12 answers failed', atMs: 1 }],
  good: { generation: GOOD, cwd: '/srv/shop/releases/1' },
}
const none: Findings = { condemned: [], good: undefined }

let folder: string

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'rip-verdicts-')))
})
afterEach(() => rm(folder, { recursive: true }))

const at = (...names: string[]): string => join(folder, ...names)

function verdicts(...candidates: string[]): VerdictFolder {
  return new VerdictFolder({ candidates: candidates.map((name) => at(name)), snapshots: at('snapshots') })
}

/** A snapshot as the builder leaves it, with files of packages that other snapshots share. */
async function snapshot(): Promise<string> {
  await mkdir(at('built/files'), { recursive: true })
  await mkdir(at('packages/set'), { recursive: true })
  await writeFile(at('built/files/code'), 'code')
  await writeFile(at('packages/set/packages.json'), '{}')
  await writeFile(at('built/manifest.json'), JSON.stringify({ version: 1, packages: at('packages/set') }))
  return at('built')
}

describe('the folder of verdicts', () => {
  test('is not created before there is a verdict to keep', async () => {
    expect(verdicts('state').read()).toEqual(none)
    expect(existsSync(at('state'))).toBe(false)
  })

  test('keeps the verdicts, readable for its owner only', async () => {
    verdicts('state').write(findings)
    expect(verdicts('state').read()).toEqual(findings)
    expect((await stat(at('state'))).mode & 0o777).toBe(0o700)
    expect((await stat(at('state/verdicts.json'))).mode & 0o777).toBe(0o600)
  })

  test('is the first usable one, and an existing one stays', async () => {
    await writeFile(at('file'), '')
    const later = new VerdictFolder({
      candidates: [at('file/state'), at('second')],
      snapshots: at('snapshots'),
    })
    later.write(findings)
    expect(await readdir(at('second'))).toEqual(['verdicts.json'])
    expect(verdicts('first', 'second').read()).toEqual(findings)
  })

  test('is an error with the reason if nothing can be written', async () => {
    await writeFile(at('file'), '')
    const nowhere = new VerdictFolder({ candidates: [at('file/state')], snapshots: at('snapshots') })
    expect(() => nowhere.write(findings)).toThrow('file')
    const unnamed = new VerdictFolder({ candidates: [], snapshots: at('snapshots') })
    expect(() => unnamed.write(findings)).toThrow('STATE_DIRECTORY')
  })

  test('believes nothing in a folder others can change', async () => {
    verdicts('state').write(findings)
    await chmod(at('state'), 0o770)
    expect(verdicts('state').read()).toEqual(none)
    await chmod(at('state'), 0o700)
    await symlink(at('state'), at('link'))
    expect(verdicts('link').read()).toEqual(none)
  })

  test('refuses a link in place of its file', async () => {
    verdicts('state').write(findings)
    await mkdir(at('other'), { mode: 0o700 })
    await symlink(at('state/verdicts.json'), at('other/verdicts.json'))
    expect(verdicts('other').read()).toEqual(none)
  })

  test.each([
    ['cut short', '{"version": 1, "condem'],
    ['of another version', JSON.stringify({ ...findings, version: 2 })],
    [
      'with a path for a name',
      JSON.stringify({ version: 1, ...findings, good: { generation: '../..', cwd: '/' } }),
    ],
    ['with something else', '[1]'],
  ])('takes a file that is %s for none', async (_, text) => {
    verdicts('state').write(findings)
    await writeFile(at('state/verdicts.json'), text)
    expect(verdicts('state').read()).toEqual(none)
  })
})

describe('the copy of good code', () => {
  test('has the whole snapshot, even if the original is removed', async () => {
    const before = verdicts('state')
    await before.keep({ generation: GOOD, folder: await snapshot() })
    before.write(findings)
    await rm(at('built'), { recursive: true })
    await rm(at('packages'), { recursive: true })
    const made = await verdicts('state').fetch(GOOD, { signal: new AbortController().signal })
    expect(made).toEqual({ generation: GOOD, folder: at('snapshots', GOOD) })
    expect(await readFile(at('snapshots', GOOD, 'files/code'), 'utf8')).toBe('code')
    const manifest = JSON.parse(await readFile(at('snapshots', GOOD, 'manifest.json'), 'utf8')) as {
      readonly packages: string
    }
    expect(manifest.packages).toBe(at('snapshots', GOOD, 'packages'))
    expect(await readdir(manifest.packages)).toEqual(['packages.json'])
  })

  test('is the only copy: those of other generations go with the next verdict', async () => {
    const state = verdicts('state')
    const built = await snapshot()
    await state.keep({ generation: GOOD, folder: built })
    await state.keep({ generation: '111111111111', folder: built })
    state.write(findings)
    expect((await readdir(at('state'))).toSorted()).toEqual([GOOD, 'verdicts.json'])
    state.write({ ...findings, good: undefined })
    expect(await readdir(at('state'))).toEqual(['verdicts.json'])
  })

  test('is complete or does not exist', async () => {
    const state = verdicts('state')
    await snapshot()
    await rm(at('packages'), { recursive: true })
    const failed = await state.keep({ generation: GOOD, folder: at('built') }).catch(String)
    expect(failed).toContain('packages')
    state.write(findings)
    const { signal } = new AbortController()
    expect(await state.fetch(GOOD, { signal }).catch(String)).toContain(GOOD)
    expect(await readdir(at('state'))).toEqual(['verdicts.json'])
  })
})
