import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * Name of the compiler a project chose: the environment variable `RIP_COMPILER`, else `rip.compiler` in the
 * nearest package.json at or above the folder. `undefined` when it chose none.
 */
export function projectCompiler(
  root: string,
  env: Readonly<NodeJS.ProcessEnv> = process.env,
): string | undefined {
  return env['RIP_COMPILER'] || compilerInManifest(root)
}

function compilerInManifest(folder: string): string | undefined {
  const manifest = readManifest(join(folder, 'package.json'))
  if (manifest) return manifest.rip?.compiler
  const parent = dirname(folder)
  return parent === folder ? undefined : compilerInManifest(parent)
}

interface Manifest {
  readonly rip?: { readonly compiler?: string }
}

function readManifest(path: string): Manifest | undefined {
  try {
    // As Bun reads it: with comments, commas at the end and a byte order mark.
    return Bun.JSONC.parse(readFileSync(path, 'utf8')) as Manifest
  } catch {
    // It does not exist, or is not JSON: code that needs its content reports that.
    return undefined
  }
}
