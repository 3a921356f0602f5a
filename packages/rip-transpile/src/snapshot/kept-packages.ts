import { indexPath, type PackageFile, type PackageFiles, readIndex, stampOf } from '../graph/package-set.ts'
import { leadsTo } from './exact-imports.ts'

/** Differences between `node_modules` and the files that a snapshot was built with. */
export interface PackageDifferences {
  /** Files to be loaded from the set: those that changed, and those that import one that is gone. */
  readonly replaced: ReadonlyMap<string, PackageFile>
  /** Files that changed or are gone, and of which there is no copy. */
  readonly lost: readonly string[]
}

/** Compares the files of a set with those on disk; as long as nothing differs, they are loaded from disk. */
export function packageDifferences(folder: string): PackageDifferences {
  const files = readIndex(indexPath(folder)) ?? new Map<string, PackageFile>()
  const changed = [...files].filter(([path, file]) => !isSame(path, file))
  if (changed.length === 0) return { replaced: new Map(), lost: [] }
  const lost = changed.filter(([, { kept }]) => !kept).map(([path]) => path)
  return { replaced: new Map([...changed, ...misled(files)].filter(([, { kept }]) => kept)), lost }
}

function isSame(path: string, { stamp, hash }: PackageFile): boolean {
  const { readFileSync, statSync } = process.getBuiltinModule('node:fs')
  const status = statSync(path, { throwIfNoEntry: false })
  if (status === undefined) return false
  if (stampOf(status) === stamp) return true
  return new Bun.CryptoHasher('sha256').update(readFileSync(path)).digest('hex') === hash
}

/** Files whose imports lead to other files now. */
function misled(files: PackageFiles): readonly (readonly [string, PackageFile])[] {
  return [...files].filter(([path, { imports }]) =>
    Object.entries(imports).some(
      ([specifier, target]) => target !== null && !leadsTo(specifier, path, target),
    ),
  )
}
