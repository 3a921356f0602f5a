import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Adapter } from './adapter.ts'
import { cachedAdapter } from './cache/cached-adapter.ts'
import { cacheFolder } from './cache/cache-folder.ts'
import { CompileCache } from './cache/compile-cache.ts'
import { referencesOf } from './graph/references.ts'
import { resolveModule } from './graph/resolve-module.ts'
import { buildReport } from './snapshot/build-report.ts'
import { buildSnapshot } from './snapshot/build-snapshot.ts'

/** Stands for a compiler, which is loaded by itself if it is needed. */
const ECHO: Adapter = {
  name: 'echo',
  version: '1',
  extensions: ['.rip'],
  compile: (code) => ({ code, dependencies: [], map: { version: 3, sources: [], names: [], mappings: '' } }),
}

/**
 * Builds a small sample ahead of need, because the first build of a process takes several times as long as the next.
 * Works in a folder of its own below `parent`, which it removes. False when that was not possible, and the first real
 * build will take longer.
 */
export async function rehearse(parent: string): Promise<boolean> {
  warmUpResolver()
  try {
    const folder = mkdtempSync(join(parent, 'rehearsal-'))
    try {
      await buildIn(folder)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
    return true
  } catch {
    // ENOSPC, or the folder is gone.
    return false
  }
}

/**
 * Resolves among the files of this package, because Bun caches the content of folders, and the application's may change
 * before the build. The sample imports nothing for the same reason.
 */
function warmUpResolver(): void {
  const { modules } = referencesOf("import './nowhere.ts'\n", 'ts')
  for (const { specifier } of modules)
    resolveModule(specifier, { importer: import.meta.path, commonjs: false })
}

async function buildIn(folder: string): Promise<void> {
  cacheFolder()
  const root = join(folder, 'app')
  const cache = join(folder, 'cache')
  for (const each of [root, cache]) mkdirSync(each)
  const entry = join(root, 'index.ts')
  writeFileSync(entry, 'export default () => new Response()\n')
  writeFileSync(join(root, 'other.rip'), 'export const a = 1\n')
  const adapter = cachedAdapter(ECHO, new CompileCache({ folder: cache }))
  for (const out of ['first', 'second']) {
    const packages = join(folder, 'packages')
    await buildSnapshot({ root, entry, out: join(folder, out), packages, adapterFor: () => adapter })
  }
  rmSync(join(root, 'other.rip'))
  await buildReport({
    root,
    entries: [entry],
    out: join(folder, 'third'),
    generation: '',
    packagesUnchanged: false,
  })
}
