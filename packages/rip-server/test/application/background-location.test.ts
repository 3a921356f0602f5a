import { describe, expect, test } from 'bun:test'
import { mkdtempDisposableSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backgroundOf, locateWebEntry, proveBackground } from '../../src/application/background-location.ts'

function folderWith(files: Readonly<Record<string, string>>): Disposable & { readonly path: string } {
  const folder = mkdtempDisposableSync(join(tmpdir(), 'rip-background-'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder.path, name), content)
  return { path: folder.path, [Symbol.dispose]: () => folder.remove() }
}

describe('what works in the background', () => {
  test('is named by the package, unless the settings do', () => {
    using folder = folderWith({ 'package.json': '{"rip":{"background":["a.ts"]}}', 'a.ts': '', 'b.ts': '' })
    const [a, b] = ['a.ts', 'b.ts'].map((name) => join(folder.path, name)) as [string, string]
    expect(backgroundOf([], folder.path, false)).toEqual([{ name: 'a', file: a }])
    expect(backgroundOf([{ name: 'b', file: b }], folder.path, false)).toEqual([{ name: 'b', file: b }])
  })

  test.each(['{}', '{"rip":{}}', '{"rip":{"background":[]}}', '{"rip":"a.ts"}'])(
    'is nothing for %p',
    (text) => {
      using folder = folderWith({ 'package.json': text })
      expect(backgroundOf([], folder.path, false)).toEqual([])
    },
  )

  test.each([
    ['{"rip":{"background":7}}', 'CONFIG_INVALID', '"rip.background": expected files'],
    ['{"rip":{"background":["none.ts"]}}', 'APP_NOT_FOUND', 'there is no file'],
    ['{', 'CONFIG_INVALID', 'cannot be read as a package.json'],
  ])('is refused in the package %p as %s', (text, code, reason) => {
    using folder = folderWith({ 'package.json': text })
    const message: unknown = expect.stringContaining(reason)
    expect(() => backgroundOf([], folder.path, false)).toThrow(expect.objectContaining({ code, message }))
  })
})

test('what is renamed after the start is refused with what to do about it', () => {
  using folder = folderWith({ 'jobs.ts': '' })
  const programs = [{ name: 'jobs', file: join(folder.path, 'jobs.ts') }]
  expect(() => proveBackground(programs)).not.toThrow()
  renameSync(join(folder.path, 'jobs.ts'), join(folder.path, 'mails.ts'))
  const reason = /no file .+jobs\.ts to work in the background any more; .+"rip-server restart --manager"/
  expect(() => proveBackground(programs)).toThrow(reason)
})

describe('the file that answers requests', () => {
  const find = (path: string, background: readonly string[]) =>
    locateWebEntry(
      path,
      background.map((file) => ({ name: 'jobs', file: join(path, file) })),
      {},
    )

  test('need not be there when something works in the background', () => {
    using folder = folderWith({ 'jobs.ts': '' })
    expect(find(folder.path, ['jobs.ts'])).toBeUndefined()
    expect(() => find(folder.path, [])).toThrow('no application found')
  })

  test('is not the one that works in the background', () => {
    using folder = folderWith({ 'main.ts': '' })
    expect(find(folder.path, ['main.ts'])).toBeUndefined()
  })

  test('must be there when it is named', () => {
    using folder = folderWith({ 'jobs.ts': '', 'package.json': '{"rip":{"entry":"web.ts"}}' })
    expect(() => find(folder.path, ['jobs.ts'])).toThrow('web.ts does not exist')
  })
})
