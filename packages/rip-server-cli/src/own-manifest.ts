import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'

interface Manifest {
  readonly version: string
  readonly engines: { readonly bun: string }
}

/** The manifest of this package. */
export function ownManifest(): Manifest {
  return manifestOf('rip-server')
}

/** The manifest of one of our packages. */
export function manifestOf(name: string): Manifest {
  return JSON.parse(readFileSync(manifestPath(name), 'utf8')) as Manifest
}

/** Folder of one of our packages. */
export function packageFolder(name: string): string {
  return dirname(manifestPath(name))
}

/** Found by name, since this module may be part of a bundle. */
function manifestPath(name: string): string {
  return Bun.resolveSync(`${name}/package.json`, import.meta.dir)
}
