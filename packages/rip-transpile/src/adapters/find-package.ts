import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

export interface FoundPackage<T> {
  readonly version: string
  /** Loads the package at the first call; a cache that is warm never needs it. */
  readonly load: () => T
  /** Loads another file of the package, by its path beside the entry point; does nothing where there is none. */
  readonly loadBeside: (path: string) => void
}

/**
 * A package as it is installed for a folder.
 *
 * @param advised Version to install where `latest` is not the right one.
 * @throws {Error} When it is not installed there, with the command that installs it.
 */
export function findPackage<T>(name: string, from: string, advised?: string): FoundPackage<T> {
  const require = createRequire(join(from, 'package.json'))
  const entry = resolveEntry(require, name, from, advised)
  let loaded: T | undefined
  return {
    version: versionOf(name, dirname(entry)),
    load: () => (loaded ??= require(entry) as T),
    loadBeside(path) {
      const file = join(dirname(entry), path)
      if (existsSync(file)) require(file)
    },
  }
}

function resolveEntry(require: NodeJS.Require, name: string, from: string, advised?: string): string {
  try {
    return require.resolve(name)
  } catch (cause) {
    const remedy = `add it with: bun add --dev ${advised === undefined ? name : `${name}@${advised}`}`
    throw new Error(`the compiler '${name}' is not installed in ${from}; ${remedy}`, { cause })
  }
}

/** Read from the file, because not every package exports its package.json. */
function versionOf(name: string, folder: string): string {
  const manifest = readManifest(join(folder, 'package.json'))
  if (manifest?.name === name) return manifest.version ?? '0.0.0'
  const parent = dirname(folder)
  return parent === folder ? '0.0.0' : versionOf(name, parent)
}

function readManifest(path: string): { readonly name?: string; readonly version?: string } | undefined {
  try {
    return Bun.JSONC.parse(readFileSync(path, 'utf8')) as { name?: string; version?: string }
  } catch {
    // Folders inside a package have none, or one that says no more than a module type.
    return undefined
  }
}
