import { expect, test } from 'bun:test'
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { createContentTree } from '../../src/watch/content-tree.ts'
import { temporaryFolder } from '../real.ts'

test('a file is accounted for as the tree that is read counts it', async () => {
  await using folder = await temporaryFolder()
  const write = (path: string, content = '1'): void => {
    mkdirSync(dirname(folder.at(path)), { recursive: true })
    writeFileSync(folder.at(path), content)
  }
  for (const path of [
    'app/a.ts',
    'app/node_modules/x/i.js',
    'app/b.log',
    'app/gen/c.ts',
    'app/sub/d.txt',
    'app/e.json',
  ])
    write(path)
  for (const path of [
    'app/dist/in/f.js',
    'app/dist/g.js',
    'app/tmp/h.ts',
    'lib/i.ts',
    'lib/j.ts',
    'app/.env.test',
  ])
    write(path)
  write('app/.gitignore', '# made\ngen/\n')
  write('app/sub/.gitignore', '*.txt\n')
  write('app/large.bin')
  truncateSync(folder.at('app/large.bin'), 6_000_000)
  symlinkSync('../lib', folder.at('app/linked'))
  const tree = createContentTree({ root: folder.at('app'), ignore: ['/.env.test'], include: ['dist/in'] })
  const account = (path: string) => tree.account(folder.at(path))
  expect(account('app/a.ts')).toEqual({ what: 'file', counts: true, isImported: null })

  tree.exclude('e.json')
  tree.follow({
    files: ['app/a.ts', 'app/tmp/h.ts', 'app/e.json', 'lib/i.ts'].map((path) => folder.at(path)),
    packages: new Map([[folder.at('app/node_modules/x/i.js'), { hash: 'x', stamp: '' }]]),
  })
  const { files } = await tree.read()
  const ignored = (path: string, rule: string, from: string) => ({ kind: 'ignored', path, rule, from })
  const expected: readonly (readonly [string, object | undefined, boolean])[] = [
    ['app/a.ts', undefined, true],
    ['app/new.ts', undefined, false],
    ['app/gen/c.ts', ignored('gen', 'gen/', '.gitignore'), false],
    ['app/sub/d.txt', ignored('sub/d.txt', '*.txt', 'sub/.gitignore'), false],
    ['app/b.log', ignored('b.log', '*.log', 'rip-server'), false],
    ['app/.env.test', ignored('.env.test', '/.env.test', 'this server'), false],
    ['app/dist/in/f.js', undefined, false],
    ['app/dist/g.js', ignored('dist/g.js', 'dist/', 'rip-server'), false],
    ['app/tmp/h.ts', ignored('tmp', 'tmp/', 'rip-server'), true],
    ['app/node_modules/x/i.js', ignored('node_modules', 'node_modules/', 'rip-server'), true],
    ['app/large.bin', { kind: 'large', bytes: 6_000_000, maxBytes: 5_242_880 }, false],
    ['app/e.json', { kind: 'written', path: 'e.json' }, true],
    ['app/linked/j.ts', { kind: 'behind-link', path: 'linked' }, false],
    ['app/linked/i.ts', { kind: 'behind-link', path: 'linked' }, true],
    ['lib/j.ts', { kind: 'outside' }, false],
    ['lib/i.ts', { kind: 'outside' }, true],
  ]
  for (const [path, obstacle, isImported] of expected) {
    const { counts, ...found } = account(path)
    expect<unknown>([path, found.obstacle, found.isImported]).toEqual([path, obstacle, isImported])
    const below = path.startsWith('app/') ? path.slice(4) : folder.at(path)
    const isRead = files.has(below) || path === 'app/node_modules/x/i.js' || path === 'app/linked/i.ts'
    expect([path, counts]).toEqual([path, isRead || path === 'app/new.ts'])
  }
  expect([account('app/new.ts').what, account('app/sub').what]).toEqual(['nothing', 'folder'])
  expect(account('app')).toEqual({ what: 'folder', counts: true, isImported: null })
})
