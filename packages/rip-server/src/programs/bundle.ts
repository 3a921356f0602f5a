import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** File of a bundle that lists what it was made of, as {@link BundleSources}. */
export const SOURCES = 'sources.json'

/** What the folder `bundle` of a package was made of. */
export interface BundleSources {
  /** See {@link digestOf}. */
  readonly digest: string
  /** Paths below their package, by its name. */
  readonly files: SourceFiles
}

export type SourceFiles = Readonly<Record<string, readonly string[]>>

/**
 * Path of a program in the bundle of its package, which loads sooner than its modules; `undefined`
 * when there is no bundle, or its sources have changed since it was made. The bundle lies beside those sources, so a
 * user who can change the one can change the other.
 *
 * @param folder of the package
 * @param program path below the bundle
 */
export function bundledProgram(folder: string, program: string): string | undefined {
  try {
    const { digest, files } = JSON.parse(
      readFileSync(join(folder, 'bundle', SOURCES), 'utf8'),
    ) as BundleSources
    const path = join(folder, 'bundle', program)
    return digest === digestOf(folder, files) && existsSync(path) ? path : undefined
  } catch {
    // ENOENT: a checkout that was installed without its scripts, or a source that has been removed.
    return undefined
  }
}

/** Digest of the names and contents of a package's source files. @throws what reading throws */
export function digestOf(folder: string, files: SourceFiles): string {
  const hasher = new Bun.CryptoHasher('sha256')
  for (const [name, paths] of Object.entries(files)) {
    const home = dirname(Bun.resolveSync(`${name}/package.json`, folder))
    for (const path of paths) {
      const content = readFileSync(join(home, path))
      hasher.update(`${name}/${path} ${content.byteLength}\n`).update(content)
    }
  }
  return hasher.digest('hex')
}
