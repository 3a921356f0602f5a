import { expect, test } from 'bun:test'
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type ContentTree, type ContentTreeOptions, createContentTree } from '../../src/watch/content-tree.ts'
import { temporaryFolder, type TemporaryFolder } from '../real.ts'

function write(folder: TemporaryFolder, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(folder.at(path)), { recursive: true })
    writeFileSync(folder.at(path), content)
  }
}

const treeOf = (folder: TemporaryFolder, options: Partial<ContentTreeOptions> = {}): ContentTree =>
  createContentTree({ root: folder.path, ...options })

const generationOf = async (tree: ContentTree): Promise<string> => (await tree.read()).generation
const pathsOf = async (tree: ContentTree): Promise<readonly string[]> => [...(await tree.read()).files.keys()]

test('content are files that people write, not files that programs leave behind', async () => {
  await using folder = await temporaryFolder()
  write(folder, {
    'app.rip': '1',
    'src/deep/a.ts': '1',
    'package.json': '{}',
    'bun.lock': '1',
    '.env': 'A=1',
    '.env.production': 'A=2',
    '.git/config': 'x',
    '.idea/x': 'x',
    'node_modules/x/index.js': 'x',
    'dist/a.js': 'x',
    'coverage/x': 'x',
    'a.log': 'x',
    'data.sqlite-wal': 'x',
    'logs/today': 'x',
    'src/.a.ts.swp': 'x',
    'src/a.ts~': 'x',
    'src/#a.ts#': 'x',
    'src/a.ts___jb_tmp___': 'x',
    '.gitignore': 'generated/\n.env\n*.lock\n',
    'generated/x.ts': 'x',
    'src/.gitignore': '/secret.ts',
    'src/secret.ts': 'x',
  })
  expect(await pathsOf(treeOf(folder))).toEqual([
    '.env',
    '.env.production',
    'app.rip',
    'bun.lock',
    'package.json',
    'src/deep/a.ts',
  ])
})

test('more can be ignored, and ignored folders included', async () => {
  await using folder = await temporaryFolder()
  write(folder, { 'app.ts': '1', 'notes.md': '1', 'dist/server/index.js': '1', 'dist/other.js': '1' })
  const tree = treeOf(folder, { ignore: ['*.md'], include: ['./dist/server'] })
  expect(await pathsOf(tree)).toEqual(['app.ts', 'dist/server/index.js'])
})

test('files elsewhere may count, from the moment they are there', async () => {
  await using folder = await temporaryFolder()
  write(folder, { 'app/app.ts': '1' })
  const outer = folder.at('.env')
  const tree = createContentTree({ root: folder.at('app'), besides: [outer] })
  const before = await generationOf(tree)
  expect([tree.followed, tree.imported]).toEqual([[outer], [outer]])
  write(folder, { '.env': 'A=1' })
  expect(new Set(await pathsOf(tree))).toEqual(new Set(['app.ts', outer]))
  expect(tree.account(outer)).toMatchObject({ counts: true })
  const later = await generationOf(tree)
  write(folder, { '.env': 'A=2' })
  expect(new Set([before, later, await generationOf(tree)]).size).toBe(3)
})

test('files beyond 5 MiB are data', async () => {
  await using folder = await temporaryFolder()
  write(folder, { 'app.ts': '1', 'movie.bin': 'x'.repeat(5_242_881) })
  expect(await pathsOf(treeOf(folder))).toEqual(['app.ts'])
})

test('a generation is the first 12 digits of a hash over paths and content', async () => {
  await using one = await temporaryFolder()
  await using two = await temporaryFolder()
  const files = { 'a.ts': '1', 'b/c.ts': '2' }
  write(one, files)
  write(two, files)
  const generation = await generationOf(treeOf(one))
  expect(generation).toMatch(/^[0-9a-f]{12}$/)
  expect(await generationOf(treeOf(two))).toBe(generation)
  renameSync(two.at('a.ts'), two.at('d.ts'))
  expect(await generationOf(treeOf(two))).not.toBe(generation)
})

test('a new time stamp alone is no new content', async () => {
  await using folder = await temporaryFolder()
  write(folder, { 'a.ts': '1' })
  const tree = treeOf(folder)
  const before = await tree.read()
  utimesSync(folder.at('a.ts'), new Date(), new Date(Date.now() + 60_000))
  const after = await tree.read()
  expect(after.generation).toBe(before.generation)
  expect(after.newestMs).toBeGreaterThan(before.newestMs)
})

test('new content of the same size within the same instant is seen', async () => {
  await using folder = await temporaryFolder()
  const tree = treeOf(folder)
  const stamp = new Date()
  const seen = new Set<string>()
  for (let version = 100; version < 200; version += 1) {
    writeFileSync(folder.at('a.ts'), String(version))
    utimesSync(folder.at('a.ts'), stamp, stamp)
    seen.add(await generationOf(tree))
  }
  expect(seen.size).toBe(100)
})

test('linked files count by content, linked folders by where they lead', async () => {
  await using folder = await temporaryFolder()
  await using elsewhere = await temporaryFolder()
  write(folder, { 'a.ts': '1' })
  write(elsewhere, { 'shared.ts': '1', 'lib/x.ts': '1' })
  symlinkSync(elsewhere.at('shared.ts'), folder.at('shared.ts'))
  symlinkSync(elsewhere.at('lib'), folder.at('lib'))
  symlinkSync('.', folder.at('circle'))
  symlinkSync('nowhere', folder.at('broken'))
  const tree = treeOf(folder)
  const before = await generationOf(tree)
  expect(await pathsOf(tree)).toEqual(['a.ts', 'broken', 'circle', 'lib', 'shared.ts'])
  write(elsewhere, { 'lib/x.ts': '2' })
  expect(await generationOf(tree)).toBe(before)
  write(elsewhere, { 'shared.ts': '2' })
  expect(await generationOf(tree)).not.toBe(before)
})

test('a root that is a link stands for the release it leads to', async () => {
  await using folder = await temporaryFolder()
  write(folder, { 'releases/1/a.ts': 'same', 'releases/2/a.ts': 'same' })
  symlinkSync('releases/1', folder.at('current'))
  const tree = createContentTree({ root: folder.at('current') })
  const before = await generationOf(tree)
  symlinkSync('releases/2', folder.at('next'))
  renameSync(folder.at('next'), folder.at('current'))
  expect(await generationOf(tree)).not.toBe(before)
  expect(await pathsOf(tree)).toEqual(['a.ts'])
})

test('a root that is gone is reported, and read again when it is back', async () => {
  await using folder = await temporaryFolder()
  const tree = createContentTree({ root: folder.at('app') })
  const failure: unknown = await tree.read().catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'TREE_UNREADABLE' })
  write(folder, { 'app/a.ts': '1' })
  expect(await pathsOf(tree)).toEqual(['a.ts'])
})

test('an excluded file or folder is not content', async () => {
  await using folder = await temporaryFolder()
  write(folder, { 'a.ts': '1', 'data.json': '1', 'uploads/1/a.jpg': '1' })
  const tree = treeOf(folder)
  await tree.read()
  tree.exclude('data.json')
  tree.exclude('uploads')
  expect(await pathsOf(tree)).toEqual(['a.ts'])
  expect(tree.isIgnored('data.json', false)).toBe(true)
})

test('a checkout under way is waited for', async () => {
  await using folder = await temporaryFolder()
  write(folder, Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`f${index}.ts`, 'old'])))
  const tree = treeOf(folder)
  await tree.read()
  const checkout = (async () => {
    for (let index = 0; index < 60; index += 1) {
      writeFileSync(folder.at(`f${index}.ts`), 'new')
      if (index >= 25) await Bun.sleep(2)
    }
  })()
  await Bun.sleep(10)
  const during = await tree.read()
  await checkout
  expect(during.generation).toBe(await generationOf(tree))
})

test('git at work is waited for', async () => {
  await using folder = await temporaryFolder()
  write(folder, { 'a.ts': '1', 'b.ts': '1', '.git/index.lock': '' })
  const tree = treeOf(folder)
  await tree.read()
  write(folder, { 'a.ts': '2' })
  const reading = tree.read()
  await Bun.sleep(50)
  write(folder, { 'b.ts': '2' })
  rmSync(folder.at('.git/index.lock'))
  const { generation } = await reading
  expect(generation).toBe(await generationOf(tree))
})

test('each reading sees the disk as it was when the reading was requested', async () => {
  await using folder = await temporaryFolder()
  write(folder, { 'a.ts': '0' })
  const tree = treeOf(folder)
  const readings: Promise<string>[] = []
  for (let version = 1; version <= 5; version += 1) {
    write(folder, { 'a.ts': String(version) })
    readings.push(generationOf(tree))
    await Bun.sleep(1)
  }
  expect(await readings.at(-1)).toBe(await generationOf(tree))
})

test('links in cycles, and unreadable folders, do not hide the rest', async () => {
  await using folder = await temporaryFolder()
  write(folder, { 'app.ts': '1' })
  symlinkSync('self', folder.at('self'))
  symlinkSync(folder.at('b'), folder.at('a'))
  symlinkSync(folder.at('a'), folder.at('b'))
  expect(await pathsOf(treeOf(folder))).toContain('app.ts')
})
