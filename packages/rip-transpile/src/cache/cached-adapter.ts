import { extname } from 'node:path'
import type { Adapter, CompileOptions, CompileResult } from '../adapter.ts'
import { withInlineMap } from '../inline-map.ts'
import { packageVersion } from '../package-version.ts'
import type { CachedResult, CompileCache } from './compile-cache.ts'

/** Raised when the shape of an entry changes its meaning. */
const CACHE_VERSION = 1

/** The same compiler with a cache in front of it. Errors are not kept. */
export function cachedAdapter(adapter: Adapter, cache: CompileCache): Adapter {
  return {
    name: adapter.name,
    version: adapter.version,
    extensions: adapter.extensions,
    compile(source, options = {}) {
      const key = cacheKey(adapter, source, options)
      const found = cache.read(key)
      if (found) return restore(found, source, options)
      const compiled = adapter.compile(source, { ...options, sourceMap: Boolean(options.sourceMap) })
      if (!(compiled instanceof Promise)) return keep(compiled)
      return compiled.then(keep)

      function keep(result: CompileResult): CompileResult {
        const entry = strip(result)
        cache.write(key, entry)
        return restore(entry, source, options)
      }
    },
  }
}

/** Everything a result depends on; of the file name only its ending, so that a moved folder still hits. */
function cacheKey(adapter: Adapter, source: string, options: CompileOptions): string {
  const parts = [
    CACHE_VERSION,
    packageVersion(),
    adapter.name,
    adapter.version,
    extname(options.filename ?? ''),
    Boolean(options.sourceMap),
    options.runtime ?? 'import',
    options.dialect ?? 4,
    options.dts ?? 'typed',
    options.keepFrames ?? false,
    source,
  ]
  return new Bun.CryptoHasher('sha256').update(JSON.stringify(parts)).digest('hex')
}

function strip(result: CompileResult): CachedResult {
  const { map, ...rest } = result
  return map ? { ...rest, map: { names: map.names, mappings: map.mappings } } : rest
}

function restore(entry: CachedResult, source: string, options: CompileOptions): CompileResult {
  const { map: stripped, ...rest } = entry
  if (!stripped) return rest
  const sources = [options.filename ?? 'unknown.rip']
  const map = { version: 3, sources, sourcesContent: [source], ...stripped } as const
  return options.sourceMap === 'inline'
    ? { ...rest, code: withInlineMap(rest.code, map), map }
    : { ...rest, map }
}
