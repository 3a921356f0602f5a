import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { judge, parseIgnoreRules } from '../../src/watch/ignore-rules.ts'
import { temporaryFolder } from '../real.ts'

const ignores = (lines: readonly string[], path: string): boolean =>
  judge(parseIgnoreRules(lines), path.replace(/\/$/, ''), path.endsWith('/')) === 'ignored'

test.each([
  [['a.txt'], 'a.txt', true],
  [['a.txt'], 'deep/er/a.txt', true],
  [['a.txt'], 'a.txt.bak', false],
  [['/a.txt'], 'deep/a.txt', false],
  [['deep/a.txt'], 'deep/a.txt', true],
  [['deep/a.txt'], 'x/deep/a.txt', false],
  [['build/'], 'build', false],
  [['build/'], 'build/', true],
  [['*.log'], 'x/y.log', true],
  [['/*.log'], 'x/y.log', false],
  [['x/*.log'], 'x/y/z.log', false],
  [['**/foo'], 'a/b/foo', true],
  [['**/foo'], 'foo', true],
  [['a/**/b'], 'a/b', true],
  [['a/**/b'], 'a/x/y/b', true],
  [['a/**'], 'a/x/y', true],
  [['a/**'], 'a/', false],
  [['*.log', '!keep.log'], 'keep.log', false],
  [['*.log', '!keep.log', 'keep.log'], 'keep.log', true],
  [['file?.ts'], 'file1.ts', true],
  [['file?.ts'], 'file/.ts', false],
  [['file[0-9].ts'], 'file7.ts', true],
  [['file[!0-9].ts'], 'file7.ts', false],
  [['# comment', '', '   '], '# comment', false],
  [['\\#file'], '#file', true],
  [['\\!file'], '!file', true],
  [['name  '], 'name', true],
  [['name\\ '], 'name ', true],
  [['a+b(c).ts'], 'a+b(c).ts', true],
  [['[unclosed'], '[unclosed', true],
])('%j says of %s: %p', (lines, path, expected) => {
  expect(ignores(lines, path)).toBe(expected)
})

test('any line is accepted', () => {
  const strange = fc.string({ unit: fc.constantFrom(...'[]!^-*?/\\ab.{}()|+$#'.split('')) })
  fc.assert(
    fc.property(fc.array(strange), fc.string(), fc.boolean(), (lines, path, isDirectory) => {
      expect(() => judge(parseIgnoreRules(lines), path, isDirectory)).not.toThrow()
    }),
    { numRuns: 1_000 },
  )
})

test('agrees with git', async () => {
  await using folder = await temporaryFolder()
  const rules = [
    '*.log',
    '!keep.log',
    '/top',
    'build/',
    'a/**/z',
    'docs/*.md',
    '**/gen',
    'x[ab]?',
    'nested/deep/*',
  ]
  const paths = [
    'a.log',
    'keep.log',
    'sub/keep.log',
    'top',
    'sub/top',
    'build/o',
    'sub/build/o',
    'buildx',
    'a/z',
    'a/b/c/z',
    'docs/x.md',
    'docs/y/x.md',
    'gen',
    's/gen',
    'xa1',
    'xc1',
    's/xb2',
    'nested/deep/f',
    'nested/f',
  ]
  for (const path of paths) {
    mkdirSync(dirname(folder.at(path)), { recursive: true })
    writeFileSync(folder.at(path), '')
  }
  writeFileSync(folder.at('.gitignore'), rules.join('\n'))
  Bun.spawnSync(['git', 'init', '-q'], { cwd: folder.path })
  const listed = Bun.spawnSync(['git', 'ls-files', '--others', '--exclude-standard'], { cwd: folder.path })
  const kept = listed.stdout
    .toString()
    .trim()
    .split('\n')
    .filter((path) => path !== '.gitignore')
  const parsed = parseIgnoreRules(rules)
  const isKept = (path: string): boolean =>
    path.split('/').every((_, depth, parts) => {
      const prefix = parts.slice(0, depth + 1).join('/')
      return judge(parsed, prefix, depth < parts.length - 1) !== 'ignored'
    })
  expect(paths.filter(isKept).toSorted()).toEqual(kept.toSorted())
})
