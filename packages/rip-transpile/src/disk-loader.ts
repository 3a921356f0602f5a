import { readFileSync } from 'node:fs'
import type { Adapter, CompileResult } from './adapter.ts'
import { bunModule } from './bun-module.ts'
import { cachedAdapter } from './cache/cached-adapter.ts'
import { openCache } from './cache/open-cache.ts'
import { linkRuntime } from './link-runtime.ts'
import { selectAdapter, type SelectAdapterOptions } from './select-adapter.ts'
import type { PluginModule } from './snapshot/javascript-module.ts'

export interface DiskLoaderOptions extends Omit<SelectAdapterOptions, 'name'> {
  readonly adapter?: string | Adapter | undefined
  /** @default true */
  readonly cache?: boolean | undefined
}

/** Compiles the file at a path, or takes its code from the cache. */
export type DiskLoader = (path: string) => PluginModule | Promise<PluginModule>

/**
 * A loader of files in a language to compile.
 *
 * @throws {Error} When the compiler is unknown or not installed.
 */
export function diskLoader(options: DiskLoaderOptions): DiskLoader {
  const adapter = adapterFor(options)
  // In tests and while something is written, where an error comes from matters more than the last bit of speed.
  const keepFrames = process.env['NODE_ENV'] !== 'production'
  return (path) => {
    const source = readFileSync(path, 'utf8')
    const result = adapter.compile(source, { filename: path, sourceMap: true, keepFrames })
    return result instanceof Promise
      ? result.then((compiled) => toModule(compiled, path))
      : toModule(result, path)
  }
}

function adapterFor({ adapter, root, extension, cache }: DiskLoaderOptions): Adapter {
  const chosen = typeof adapter === 'object' ? adapter : selectAdapter({ name: adapter, root, extension })
  const kept = cache === false ? undefined : openCache()
  return kept ? cachedAdapter(chosen, kept) : chosen
}

/** A plain object where the compiler answered at once: `require` of a module needs it so. */
function toModule(result: CompileResult, path: string): PluginModule {
  return { contents: linkRuntime(bunModule(result), path), loader: 'js' }
}
