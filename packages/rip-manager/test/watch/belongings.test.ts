import { afterEach, beforeEach, expect, test } from 'bun:test'
import { until } from '@rip/testing'
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { packageStamp, type PackageStamp, PACKAGES } from '../../src/watch/belongings.ts'
import { createChangeDetector } from '../../src/watch/change-detector.ts'
import { type ContentTree, createContentTree } from '../../src/watch/content-tree.ts'
import { FollowedFiles } from '../../src/watch/followed-files.ts'

let folder: string
let tree: ContentTree

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'rip-belongings-')))
  write('app/index.ts', '1')
  tree = createContentTree({ root: at('app') })
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const at = (path: string): string => join(folder, path)

function write(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true })
  writeFileSync(at(path), text)
}

function stampsOf(...paths: readonly string[]): ReadonlyMap<string, PackageStamp> {
  return new Map(
    paths.map((path) => {
      const hash = new Bun.CryptoHasher('sha256').update(path).digest('hex')
      return [at(path), { hash, stamp: packageStamp(statSync(at(path))) }]
    }),
  )
}

async function generation(thorough = false): Promise<string> {
  return (await tree.read({ thorough })).generation
}

test('files that belong to the application count wherever they are: outside, ignored, behind links, however large', async () => {
  write('shared/a.ts', '1')
  write('app/dist/b.js', '1')
  write('app/.gitignore', 'generated/\n')
  write('app/generated/c.ts', '1')
  write('app/large.json', 'x'.repeat(6_000_000))
  const files = ['shared/a.ts', 'app/index.ts', 'app/dist/b.js', 'app/generated/c.ts', 'app/large.json']
  const before = await generation()
  tree.follow({ files: files.map(at) })
  const state = await tree.read()
  expect(state.generation).not.toBe(before)
  expect([...state.files.keys()].toSorted()).toEqual(
    ['.gitignore', at('shared/a.ts'), 'dist/b.js', 'generated/c.ts', 'index.ts', 'large.json']
      .filter((path) => path !== '.gitignore')
      .toSorted(),
  )
  expect([...tree.followed].toSorted()).toEqual(
    files
      .filter((path) => path !== 'app/index.ts')
      .map(at)
      .toSorted(),
  )
  const names = new Set([state.generation])
  for (const path of files) {
    write(path, 'changed')
    names.add(await generation())
    rmSync(at(path))
    names.add(await generation())
  }
  expect(names.size).toBe(1 + 2 * files.length)
})

test('files that no longer belong to it do not count', async () => {
  write('shared/a.ts', '1')
  const before = await generation()
  tree.follow({ files: [at('shared/a.ts')] })
  expect(await generation()).not.toBe(before)
  tree.follow({ files: [] })
  expect(await generation()).toBe(before)
})

test('packages are read in a thorough look only; the same content in a new file is no change', async () => {
  write('app/node_modules/dep/index.js', 'app/node_modules/dep/index.js')
  tree.follow({ files: [], packages: stampsOf('app/node_modules/dep/index.js') })
  const before = await tree.read()
  expect(before.files.has(PACKAGES)).toBe(true)
  utimesSync(at('app/node_modules/dep/index.js'), 1, 1)
  expect(await generation(true)).toBe(before.generation)
  write('app/node_modules/dep/index.js', 'changed')
  expect(await generation()).toBe(before.generation)
  const after = await generation(true)
  expect(after).not.toBe(before.generation)
  expect(await generation()).toBe(after)
  rmSync(at('app/node_modules'), { recursive: true })
  expect(await generation(true)).not.toBe(after)
})

test('a file elsewhere is watched while it belongs to the application, also when its folder is replaced', async () => {
  write('shared/a.ts', '1')
  let reports = 0
  // As each look at the disk does: the report of a folder that was replaced may come late.
  using files: FollowedFiles = new FollowedFiles(() => {
    reports += 1
    files.follow([at('shared/a.ts')])
  })
  files.follow([at('shared/a.ts')])
  write('shared/a.ts', '2')
  await until('a change is reported', () => reports > 0)
  rmSync(at('shared'), { recursive: true })
  write('shared/a.ts', '3')
  for (const round of [4, 5, 6]) {
    reports = 0
    write('shared/unrelated.ts', String(round))
    write('shared/a.ts', String(round))
    await until('a change is reported', () => reports > 0)
  }
  files.follow([])
  reports = 0
  write('shared/a.ts', '5')
  await Bun.sleep(100)
  expect(reports).toBe(0)
})

test('a change elsewhere wakes, and is never taken for something the application writes', async () => {
  write('shared/data.json', '0')
  symlinkSync('../shared', at('app/linked'))
  tree.follow({ files: [at('shared/data.json')] })
  let wakes = 0
  const warnings: string[] = []
  const detector = createChangeDetector({
    tree,
    debounceMs: 5,
    sweepMs: 50,
    onWarning: (message) => warnings.push(message),
  })
  await detector.start(at('app'), () => void (wakes += 1))
  for (let change = 1; change <= 8; change += 1) {
    write('shared/data.json', String(change))
    await until(`change ${change} wakes`, () => wakes >= change)
  }
  await detector.close()
  expect(warnings).toEqual([])
})
