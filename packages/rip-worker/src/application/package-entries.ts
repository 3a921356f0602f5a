import type { PackageManifest } from './read-manifest.ts'

/** A path in a `package.json` and the field that names it. */
export interface PackageEntry {
  readonly field: 'module' | 'main' | 'exports' | 'start'
  readonly path: string
}

/** Conditions under which Bun takes a path of an `exports` map. */
const CONDITIONS = new Set(['bun', 'node', 'import', 'module', 'require', 'default'])

/** What the fields `module`, `main` and `exports` name as the package's entry point, in this order. */
export function packageEntries(manifest: PackageManifest): readonly PackageEntry[] {
  return [
    ...pathsIn('module', manifest.module),
    ...pathsIn('main', manifest.main),
    ...pathsIn('exports', mainExport(manifest.exports)),
  ]
}

function pathsIn(field: PackageEntry['field'], value: unknown): readonly PackageEntry[] {
  return conditional(value).map((path) => ({ field, path }))
}

/** A map of subpaths has the package itself as `.`; a map of conditions is about the package itself. */
function mainExport(exports: unknown): unknown {
  return isMap(exports) && '.' in exports ? exports['.'] : exports
}

/** The paths that a value of an `exports` map may stand for, in the order of its conditions. */
function conditional(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return value.flatMap(conditional)
  if (!isMap(value)) return []
  return Object.entries(value).flatMap(([condition, path]) =>
    CONDITIONS.has(condition) ? conditional(path) : [],
  )
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
