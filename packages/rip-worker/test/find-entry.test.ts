import { describe, expect, test } from 'bun:test'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { findEntry } from '../src/index.ts'
import { Folder } from './helpers.ts'

const names = ['index', 'app', 'server', 'main']
const extensions = ['.rip', '.ts', '.tsx', '.js', '.mjs']
const inOrder = names.flatMap((name) => extensions.map((extension) => name + extension))

test('the first of the conventional names wins, whatever else is there', () => {
  for (const [position, name] of inOrder.entries()) {
    using folder = new Folder(Object.fromEntries(inOrder.slice(position).map((file) => [file, ''])))
    expect(findEntry(folder.path)).toEqual({ file: folder.file(name), foundBy: 'convention' })
  }
})

test('a given file is taken as it is, relative to the working directory', () => {
  using folder = new Folder({ 'src/odd.name.ts': '', 'index.ts': '' })
  const entry = findEntry('src/odd.name.ts', { cwd: folder.path })
  expect(entry).toEqual({ file: folder.file('src/odd.name.ts'), foundBy: 'given' })
})

test('package.json names the file by rip.entry, before any convention', () => {
  using folder = new Folder({
    'index.ts': '',
    'src/http.ts': '',
    'package.json': '{ "rip": { "entry": "src/http.ts" } }',
  })
  expect(findEntry(folder.path)).toEqual({ file: folder.file('src/http.ts'), foundBy: 'package.json' })
})

test.each(['{}', '{ "rip": {} }', '{ "rip": null }', '{ "main": "other.js" }'])(
  'a package.json of %s leaves it to the convention',
  (manifest) => {
    using folder = new Folder({ 'app.ts': '', 'package.json': manifest })
    expect(findEntry(folder.path).file).toBe(folder.file('app.ts'))
  },
)

test.each([
  [
    'a folder without an application',
    {},
    'RIP_APP_NOT_FOUND',
    'tried index, app, server, main with .rip, .ts',
  ],
  [
    'an entry that is gone',
    { 'package.json': '{ "rip": { "entry": "x.ts" } }' },
    'RIP_APP_MISSING',
    'x.ts does not exist',
  ],
  [
    'an entry that is no path',
    { 'package.json': '{ "rip": { "entry": 3 } }' },
    'RIP_PACKAGE_UNREADABLE',
    '"rip.entry" is 3',
  ],
  [
    'a broken package.json',
    { 'package.json': '{"rip"' },
    'RIP_PACKAGE_UNREADABLE',
    'cannot be read as a package.json',
  ],
])('%s', (_, files: Record<string, string>, code, message) => {
  using folder = new Folder(files)
  expect(() => findEntry(folder.path)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  )
})

test('a path that does not exist', () => {
  using folder = new Folder()
  expect(() => findEntry('nowhere', { cwd: folder.path })).toThrow('nowhere does not exist')
})

test('a symbolic link such as `current` stays as the user wrote it', () => {
  using folder = new Folder({ 'releases/7/app.ts': '' })
  symlinkSync(folder.file('releases/7'), folder.file('current'))
  expect(findEntry(folder.file('current')).file).toBe(folder.file('current/app.ts'))
})

describe('with a snapshot', () => {
  const manifest = (folder: Folder, files: readonly string[]): string => {
    const content = {
      version: 1,
      root: folder.file('releases/1'),
      namedRoot: folder.file('current'),
      files: Object.fromEntries(files.map((file) => [file, {}])),
    }
    mkdirSync(folder.file('snapshot'))
    writeFileSync(folder.file('snapshot/manifest.json'), JSON.stringify(content))
    return folder.file('snapshot')
  }

  test.each(['current/app.ts', 'current'])(
    '%s is the file it was when the snapshot was taken, wherever the link leads by now',
    (target) => {
      using folder = new Folder({ 'releases/1/app.ts': '', 'releases/2/app.ts': '' })
      symlinkSync(folder.file('releases/2'), folder.file('current'))
      const snapshot = manifest(folder, ['app.ts'])
      expect(findEntry(folder.file(target), { snapshot }).file).toBe(folder.file('releases/1/app.ts'))
    },
  )

  test('a file that is gone from disk is found all the same', () => {
    using folder = new Folder({ 'releases/2/other.ts': '' })
    symlinkSync(folder.file('releases/2'), folder.file('current'))
    const snapshot = manifest(folder, ['app.ts'])
    expect(findEntry(folder.file('current'), { snapshot }).file).toBe(folder.file('releases/1/app.ts'))
  })
})
