import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** File of a bundle that lists what it was made of, as {@link BundleSources}. */
export const SOURCES = 'sources.json'

/** Folder of a bundle with the programs that are compiled ahead of time. */
export const COMPILED = 'compiled'

/** What the folder `bundle` of a package was made of. */
export interface BundleSources {
  /** See {@link runtimeName}. */
  readonly runtime: string
  /** See {@link digestOf}. */
  readonly digest: string
  /** See {@link stampOf}. */
  readonly stamp: string
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
  const { path, compiled } = bundled(folder, program)
  return compiled ?? path
}

/** The same, but only compiled ahead of time, for the runtime of this process. */
export function compiledProgram(folder: string, program: string): string | undefined {
  return bundled(folder, program).compiled
}

/**
 * The runtime of this process. What is compiled ahead of time is meant for exactly the same: Bun looks at the version
 * itself, but this must not depend on it.
 */
export function runtimeName(): string {
  return `${Bun.version} ${Bun.revision} ${process.platform} ${process.arch}`
}

interface Bundled {
  readonly path?: string | undefined
  readonly compiled?: string | undefined
}

function bundled(folder: string, program: string): Bundled {
  const sources = currentSources(folder)
  if (sources === undefined) return {}
  const bundle = join(folder, 'bundle')
  const [path, compiled] = [join(bundle, program), join(bundle, COMPILED, program)].map((each) =>
    existsSync(each) ? each : undefined,
  )
  return { path, compiled: sources.runtime === runtimeName() ? compiled : undefined }
}

/** Whether the bundle of a package was made for the runtime of this process, and of these very files. */
export function isCurrent(folder: string): boolean {
  const sources = currentSources(folder)
  return sources?.runtime === runtimeName() && sources.stamp === stampOf(folder, sources.files)
}

/** What the bundle was made of, if that is as it was. */
function currentSources(folder: string): BundleSources | undefined {
  try {
    const sources = JSON.parse(readFileSync(join(folder, 'bundle', SOURCES), 'utf8')) as BundleSources
    const { stamp, digest, files } = sources
    return stamp === stampOf(folder, files) || digest === digestOf(folder, files) ? sources : undefined
  } catch {
    // ENOENT: a checkout that was installed without its scripts, or a source that has been removed.
    return undefined
  }
}

/**
 * What the system knows of a package's source files. While that is the same, so are their contents, which need not be
 * read then: nothing writes to a file, or puts another in its place, without a change of its number or its change time.
 *
 * @throws what looking throws
 */
export function stampOf(folder: string, files: SourceFiles): string {
  const stamps: number[] = []
  for (const [name, paths] of Object.entries(files)) {
    const home = homeOf(name, folder)
    for (const path of paths) {
      const { dev, ino, size, mtimeMs, ctimeMs } = statSync(join(home, path))
      stamps.push(dev, ino, size, mtimeMs, ctimeMs)
    }
  }
  return new Bun.CryptoHasher('sha256').update(new Float64Array(stamps)).digest('hex')
}

/** Digest of the names and contents of a package's source files. @throws what reading throws */
export function digestOf(folder: string, files: SourceFiles): string {
  const hasher = new Bun.CryptoHasher('sha256')
  for (const [name, paths] of Object.entries(files)) {
    const home = homeOf(name, folder)
    for (const path of paths) {
      const content = readFileSync(join(home, path))
      hasher.update(`${name}/${path} ${content.byteLength}\n`).update(content)
    }
  }
  return hasher.digest('hex')
}

/** Folder of a package, as another one finds it. */
function homeOf(name: string, folder: string): string {
  return dirname(Bun.resolveSync(`${name}/package.json`, folder))
}
