import { expect, test } from 'bun:test'
import { CompileCache } from '../../src/cache/compile-cache.ts'
import { cachedAdapter } from '../../src/cache/cached-adapter.ts'
import { CompileError } from '../../src/index.ts'
import type { Adapter, CompileOptions } from '../../src/index.ts'
import { tempProject } from '../temp-project.ts'

interface CountingAdapter extends Adapter {
  readonly compiled: CompileOptions[]
}

function countingAdapter(version = '1'): CountingAdapter {
  const compiled: CompileOptions[] = []
  return {
    name: 'counting',
    version,
    extensions: ['.rip'],
    compiled,
    compile(source, options = {}) {
      compiled.push(options)
      if (source === 'bad') {
        throw new CompileError({ reason: 'bad', filename: 'a.rip', source, start: 0, end: 3 })
      }
      const map = { version: 3, sources: [options.filename ?? ''], names: [], mappings: 'AAAA' } as const
      return { code: source.toUpperCase(), dependencies: [], ...(options.sourceMap ? { map } : {}) }
    },
  }
}

test('the same source is compiled once, in whatever folder it lies', async () => {
  using project = tempProject()
  const adapter = countingAdapter()
  const cached = cachedAdapter(adapter, new CompileCache({ folder: project.root }))
  const first = await cached.compile('a', { filename: '/one/a.rip', sourceMap: true })
  const second = await cached.compile('a', { filename: '/two/a.rip', sourceMap: true })
  expect(adapter.compiled).toHaveLength(1)
  expect(first.map?.sources).toEqual(['/one/a.rip'])
  expect(second).toEqual({
    code: 'A',
    dependencies: [],
    map: { version: 3, sources: ['/two/a.rip'], sourcesContent: ['a'], names: [], mappings: 'AAAA' },
  })
})

test.each<[string, string, CompileOptions]>([
  ['source', 'b', {}],
  ['ending', 'a', { filename: 'a.coffee' }],
  ['dialect', 'a', { dialect: 3 }],
  ['runtime', 'a', { runtime: 'inline' }],
  ['wish for a map', 'a', { sourceMap: true }],
])('another %s is another entry', async (_, source, options) => {
  using project = tempProject()
  const adapter = countingAdapter()
  const cached = cachedAdapter(adapter, new CompileCache({ folder: project.root }))
  await cached.compile('a', { filename: 'a.rip' })
  await cached.compile(source, { filename: 'a.rip', ...options })
  expect(adapter.compiled).toHaveLength(2)
})

test('another version of the compiler compiles again', async () => {
  using project = tempProject()
  const cache = new CompileCache({ folder: project.root })
  const newer = countingAdapter('2')
  await cachedAdapter(countingAdapter('1'), cache).compile('a')
  await cachedAdapter(newer, cache).compile('a')
  expect(newer.compiled).toHaveLength(1)
})

test('an inline map shares the entry of a separate one', async () => {
  using project = tempProject()
  const adapter = countingAdapter()
  const cached = cachedAdapter(adapter, new CompileCache({ folder: project.root }))
  await cached.compile('a', { sourceMap: true })
  const { code } = await cached.compile('a', { sourceMap: 'inline' })
  expect(adapter.compiled).toHaveLength(1)
  expect(code).toStartWith('A\n//# sourceMappingURL=data:application/json;base64,')
})

test('an error is reported anew each time', () => {
  using project = tempProject()
  const adapter = countingAdapter()
  const cached = cachedAdapter(adapter, new CompileCache({ folder: project.root }))
  expect(() => cached.compile('bad')).toThrow(CompileError)
  expect(() => cached.compile('bad')).toThrow(CompileError)
  expect(adapter.compiled).toHaveLength(2)
})
