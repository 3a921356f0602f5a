import { realpathSync } from 'node:fs'
import { selectAdapter } from '../select-adapter.ts'

/**
 * The modules that import each file of an application, by real paths. Runs none of them.
 *
 * @param root folder of the application
 * @param entries files that it begins with
 */
export async function importersOf(
  root: string,
  entries: readonly string[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  // Most callers of this package need no graph.
  const { ModuleGraph } = await import('./module-graph.ts')
  const importers = new Map<string, Set<string>>()
  const graph = new ModuleGraph({
    root: realpathSync(root),
    adapterFor: (extension) => selectAdapter({ root, extension }),
    importers,
  })
  await graph.add(
    entries.map((entry) => realpathSync(entry)),
    'imported',
  )
  return importers
}
