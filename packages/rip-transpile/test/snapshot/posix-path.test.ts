import { expect, test } from 'bun:test'
import { dirname, extname, relative, resolve } from 'node:path'
import fc from 'fast-check'
import { extensionOf, pathBelow, pathFrom } from '../../src/snapshot/posix-path.ts'

const name = fc
  .array(fc.constantFrom('a', 'b', '.', '..', '-', ' '), { minLength: 1, maxLength: 4 })
  .map((characters) => characters.join(''))
const relativePath = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => names.join('/'))
const absolutePath = relativePath.map((path) => `/${path}`)
const plainPath = fc
  .array(fc.constantFrom('a', 'b', 'c.ts', '.d'), { maxLength: 4 })
  .map((names) => `/${names.join('/')}`)

test('endings are those of node:path', () => {
  fc.assert(
    fc.property(plainPath, (path) => {
      expect(extensionOf(path)).toBe(extname(path))
    }),
  )
  for (const path of ['a.ts', '/a.b/c', '/a.', '.env', '/.env.local', 'a.test.ts'])
    expect(extensionOf(path)).toBe(extname(path))
})

test('a path is resolved against the importing file as node:path does', () => {
  fc.assert(
    fc.property(absolutePath, relativePath, fc.constantFrom('./', '../', '/'), (file, path, beginning) => {
      // A dot segment at the end is a folder, which imports nothing.
      fc.pre(!/\/\.{1,2}$/.test(file))
      expect(pathFrom(file, beginning + path)).toBe(resolve(dirname(file), beginning + path))
    }),
  )
  expect(pathFrom('', './a.ts')).toBe(resolve('a.ts'))
})

test('relative paths below a folder are those of node:path', () => {
  fc.assert(
    fc.property(plainPath, plainPath, (folder, path) => {
      const below = relative(folder, path)
      const expected = below === '' || below.startsWith('..') ? undefined : below
      expect(pathBelow(folder, path)).toBe(expected)
    }),
  )
})
