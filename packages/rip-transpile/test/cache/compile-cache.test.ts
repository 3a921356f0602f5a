import { expect, test } from 'bun:test'
import { readdirSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CompileCache } from '../../src/cache/compile-cache.ts'
import { tempProject } from '../temp-project.ts'

const RESULT = { code: 'let a = 1\n', dependencies: ['x'], map: { names: [], mappings: 'AAAA' } }

test('an entry can be read by any object on the same folder', () => {
  using project = tempProject()
  const writer = new CompileCache({ folder: project.root })
  const reader = new CompileCache({ folder: project.root })
  writer.write('key', RESULT)
  expect(reader.read('key')).toEqual(RESULT)
  expect(reader.counts).toEqual({ hits: 1, misses: 0 })
})

test('a missing entry is a miss', () => {
  using project = tempProject()
  const cache = new CompileCache({ folder: project.root })
  expect(cache.read('key')).toBeUndefined()
  expect(cache.counts).toEqual({ hits: 0, misses: 1 })
})

test.each([
  ['cut short', (path: string) => truncateSync(path, statSync(path).size - 3)],
  ['empty', (path: string) => truncateSync(path, 0)],
  ['overwritten', (path: string) => writeFileSync(path, 'let nonsense = {}')],
])('an entry that is %s counts as missing and can be written again', (_, damage) => {
  using project = tempProject()
  const cache = new CompileCache({ folder: project.root })
  cache.write('key', RESULT)
  damage(join(project.root, 'key'))
  expect(cache.read('key')).toBeUndefined()
  cache.write('key', RESULT)
  expect(cache.read('key')).toEqual(RESULT)
})

test('a write leaves only the entry, readable for its owner only', () => {
  using project = tempProject()
  new CompileCache({ folder: project.root }).write('key', RESULT)
  expect(readdirSync(project.root)).toEqual(['key'])
  expect(statSync(project.path('key')).mode & 0o777).toBe(0o600)
})

test('a folder that is removed costs only the cache', () => {
  const cache = new CompileCache({ folder: '/nonexistent/folder' })
  cache.write('key', RESULT)
  expect(cache.read('key')).toBeUndefined()
})

test('above its size limit the least recently used entries are removed first', () => {
  using project = tempProject()
  const cache = new CompileCache({ folder: project.root, maxBytes: 4000 })
  for (let age = 1; age <= 5; age++) {
    cache.write(`used-${age}-hours-ago`, { code: 'x'.repeat(900), dependencies: [] })
    const seconds = Date.now() / 1000 - age * 3600
    utimesSync(project.path(`used-${age}-hours-ago`), seconds, seconds)
  }
  cache.trim()
  expect(readdirSync(project.root).toSorted()).toEqual([
    'used-1-hours-ago',
    'used-2-hours-ago',
    'used-3-hours-ago',
  ])
})

test('some writes check the size by themselves', () => {
  using project = tempProject()
  const cache = new CompileCache({ folder: project.root, maxBytes: 100 })
  cache.write('ff', { code: 'x'.repeat(200), dependencies: [] })
  expect(readdirSync(project.root)).toEqual(['ff'])
  cache.write('00', { code: 'x'.repeat(200), dependencies: [] })
  expect(readdirSync(project.root)).toEqual([])
})

test('reading an entry after a day marks it as used', () => {
  using project = tempProject()
  const cache = new CompileCache({ folder: project.root })
  cache.write('key', RESULT)
  const twoDaysAgo = Date.now() / 1000 - 2 * 86_400
  utimesSync(project.path('key'), twoDaysAgo, twoDaysAgo)
  cache.read('key')
  expect(Date.now() - statSync(project.path('key')).mtimeMs).toBeLessThan(3_600_000)
})

test('temporary files of processes that died are removed', () => {
  using project = tempProject({ 'key.1.0.tmp': 'half', 'key.2.0.tmp': 'being written' })
  const twoHoursAgo = Date.now() / 1000 - 7200
  utimesSync(project.path('key.1.0.tmp'), twoHoursAgo, twoHoursAgo)
  new CompileCache({ folder: project.root }).trim()
  expect(readdirSync(project.root)).toEqual(['key.2.0.tmp'])
})
