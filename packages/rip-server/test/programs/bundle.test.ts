import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  bundledProgram,
  type BundleSources,
  compiledProgram,
  digestOf,
  isCurrent,
  runtimeName,
  stampOf,
} from '../../src/programs/bundle.ts'

let folder: string
let bundled: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rip-bundle-'))
  write('package.json', '{ "name": "one", "exports": { "./package.json": "./package.json" } }')
  write('src/main.ts', "import './part.ts'\n")
  write('src/part.ts', "import 'other'\n")
  write('node_modules/other/package.json', '{ "name": "other" }')
  write('node_modules/other/src/index.ts', '')
  writeSources(runtimeName())
  bundled = write('bundle/main.js', '')
})

afterEach(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
  return path
}

function writeSources(runtime: string, given: Partial<BundleSources> = {}): void {
  const files = { one: ['src/main.ts', 'src/part.ts'], other: ['src/index.ts'] }
  const stamp = stampOf(folder, files)
  const sources: BundleSources = { runtime, stamp, digest: digestOf(folder, files), files, ...given }
  write('bundle/sources.json', JSON.stringify(sources))
}

test('files that nothing has touched since are not read again', () => {
  writeSources(runtimeName(), { digest: 'of what was in them' })
  expect(bundledProgram(folder, 'main.js')).toBe(bundled)
})

test('a source of the same size and with the same time counts as another one once something else was written to it', () => {
  const path = join(folder, 'src/main.ts')
  const { mtime, atime, ctimeMs } = statSync(path)
  // Not before the clock of the file system has gone on.
  do {
    write('src/main.ts', "import './pArt.ts'\n")
    utimesSync(path, atime, mtime)
  } while (statSync(path).ctimeMs === ctimeMs)
  expect(bundledProgram(folder, 'main.js')).toBeUndefined()
})

test('files of the same contents in other places count as the same, and are put on record by the next bundling', () => {
  writeSources(runtimeName(), { stamp: 'of another checkout' })
  expect(bundledProgram(folder, 'main.js')).toBe(bundled)
  expect(isCurrent(folder)).toBe(false)
})

test('a program starts from its bundle if the bundle was made from the present sources', () => {
  expect(bundledProgram(folder, 'main.js')).toBe(bundled)
})

test('sources with another time stamp but the same content count as the same', () => {
  utimesSync(join(folder, 'src/main.ts'), 0, 0)
  expect(bundledProgram(folder, 'main.js')).toBe(bundled)
})

test.each(['src/main.ts', 'src/part.ts', 'node_modules/other/src/index.ts'])(
  'a bundle is not used once %s has changed, or is gone',
  (name) => {
    write(name, '// edited\n')
    expect(bundledProgram(folder, 'main.js')).toBeUndefined()
    rmSync(join(folder, name))
    expect(bundledProgram(folder, 'main.js')).toBeUndefined()
  },
)

test('a package without a bundle, with an incomplete or a broken one, runs from its sources', () => {
  rmSync(bundled)
  expect(bundledProgram(folder, 'main.js')).toBeUndefined()
  write('bundle/sources.json', '{')
  expect(bundledProgram(folder, 'main.js')).toBeUndefined()
  write('bundle/sources.json', '{}')
  expect(bundledProgram(folder, 'main.js')).toBeUndefined()
  rmSync(join(folder, 'bundle'), { recursive: true })
  expect(bundledProgram(folder, 'main.js')).toBeUndefined()
})

test('a program that is compiled ahead of time is preferred, and not used once a source has changed', () => {
  expect(compiledProgram(folder, 'main.js')).toBeUndefined()
  const compiled = write('bundle/compiled/main.js', '')
  expect(bundledProgram(folder, 'main.js')).toBe(compiled)
  expect(compiledProgram(folder, 'main.js')).toBe(compiled)
  write('src/part.ts', '// edited')
  expect(compiledProgram(folder, 'main.js')).toBeUndefined()
})

test('what another version of Bun, or one for another system, has compiled is not used', () => {
  write('bundle/compiled/main.js', '')
  expect(isCurrent(folder)).toBe(true)
  writeSources(runtimeName().replace(Bun.version, '9.9.9'))
  expect(isCurrent(folder)).toBe(false)
  expect(bundledProgram(folder, 'main.js')).toBe(bundled)
  expect(compiledProgram(folder, 'main.js')).toBeUndefined()
})
