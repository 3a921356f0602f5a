import { describe, expect, test } from 'bun:test'
import { mkdtempDisposableSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { locateWebEntry, proveStartedBackground } from '../../src/application/background-location.ts'

function folderWith(files: Readonly<Record<string, string>>): Disposable & { readonly path: string } {
  const folder = mkdtempDisposableSync(join(tmpdir(), 'rip-background-'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder.path, name), content)
  return { path: folder.path, [Symbol.dispose]: () => folder.remove() }
}

test('what is renamed after the start is refused with what to do about it', () => {
  using folder = folderWith({ 'jobs.ts': '' })
  const programs = [{ name: 'jobs', file: join(folder.path, 'jobs.ts') }]
  expect(() => proveStartedBackground(programs)).not.toThrow()
  renameSync(join(folder.path, 'jobs.ts'), join(folder.path, 'mails.ts'))
  const reason = /no file .+jobs\.ts to work in the background any more; .+"rip-server restart --manager"/
  expect(() => proveStartedBackground(programs)).toThrow(reason)
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
