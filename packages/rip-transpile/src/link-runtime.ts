import { RUNTIME_MODULE } from './runtime/runtime-module.ts'
import { SCHEMA_MODULE } from './runtime/schema-module.ts'

const IMPORT = /from (['"])(@rip\/transpile\/runtime|@rip\/schema\/runtime)\1/g
/** Where the reference implementation has its schemas, as its packages name the file. */
const REFERENCE_IMPORT = /from (['"])(\.{1,2}\/(?:[^'"\n]*\/)?runtime\/schema\.js)\1/g
const REFERENCE_PACKAGES: ReadonlySet<unknown> = new Set(['rip', 'rip-lang'])

const MANIFEST = '@rip/transpile/package.json'

const paths = new Map<string, string>()

/**
 * Names the language's runtimes by path, so that they are found from an application that does not have these packages
 * among its own. Done when a module is loaded: kept code must not point into an installation that may be gone by then.
 * A module that names the schemas of the reference implementation by path gets those of this implementation, because a
 * name means one schema in a process.
 *
 * @param file Path of the module.
 */
export function linkRuntime(code: string, file?: string): string {
  const own =
    code.includes(RUNTIME_MODULE) || code.includes(SCHEMA_MODULE)
      ? code.replace(IMPORT, (_, __, module: string) => `from ${JSON.stringify(pathOf(module))}`)
      : code
  if (file === undefined || !own.includes('runtime/schema.js')) return own
  return own.replace(REFERENCE_IMPORT, (text, _, specifier: string) =>
    isReference(file, specifier) ? `from ${JSON.stringify(pathOf(SCHEMA_MODULE))}` : text,
  )
}

function pathOf(module: string): string {
  const known = paths.get(module)
  if (known !== undefined) return known
  // From the package itself, whose dependency the schemas are: this module may be part of a bundle elsewhere.
  const { dirname } = process.getBuiltinModule('node:path')
  const path = Bun.resolveSync(module, dirname(Bun.resolveSync(MANIFEST, import.meta.dir)))
  paths.set(module, path)
  return path
}

/** Whether the file `src/runtime/schema.js` that a module names belongs to the reference implementation. */
function isReference(importer: string, specifier: string): boolean {
  // Loaded when they are needed: each costs every worker memory and time.
  const { existsSync, readFileSync } = process.getBuiltinModule('node:fs')
  const { dirname, resolve } = process.getBuiltinModule('node:path')
  const manifest = resolve(dirname(importer), specifier, '../../../package.json')
  if (!existsSync(manifest)) return false
  try {
    const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name?: unknown }
    return REFERENCE_PACKAGES.has(name)
  } catch {
    return false
  }
}
