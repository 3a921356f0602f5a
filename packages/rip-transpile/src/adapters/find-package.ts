import { createRequire } from 'node:module'
import { join } from 'node:path'

export interface FoundPackage<T> {
  readonly version: string
  /** Loads the package at the first call; a cache that is warm never needs it. */
  readonly load: () => T
}

/**
 * A package as it is installed for a folder.
 *
 * @throws {Error} When it is not installed there, with the command that installs it.
 */
export function findPackage<T>(name: string, from: string): FoundPackage<T> {
  const require = createRequire(join(from, 'package.json'))
  const { version } = readManifest(require, name, from)
  let loaded: T | undefined
  return {
    version,
    load: () => (loaded ??= require(name) as T),
  }
}

function readManifest(require: NodeJS.Require, name: string, from: string): { readonly version: string } {
  try {
    return require(`${name}/package.json`) as { version: string }
  } catch (cause) {
    throw new Error(`the compiler '${name}' is not installed in ${from}; add it with: bun add -d ${name}`, {
      cause,
    })
  }
}
