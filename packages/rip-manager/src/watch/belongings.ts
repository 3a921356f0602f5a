import { readFileSync, type Stats, statSync } from 'node:fs'
import { isAbsolute } from 'node:path'

/** What an application consists of beside the content of its folder, as the last build found. */
export interface Belongings {
  /** Real paths of code and of what it imports, wherever that is. */
  readonly files: readonly string[]
  /** Files in `node_modules`, by real path. */
  readonly packages?: ReadonlyMap<string, PackageStamp>
}

/** A file in `node_modules` as it was read. */
export interface PackageStamp {
  /** SHA-256 of its content. */
  readonly hash: string
  /** See {@link packageStamp}. */
  readonly stamp: string
}

/** Stands for all files in `node_modules` among the paths of a {@link TreeState}. */
export const PACKAGES = 'node_modules/*'

/** Whether a path of a {@link TreeState} is that of a file outside the application's folder. */
export function isElsewhere(path: string): boolean {
  return isAbsolute(path) || path === PACKAGES
}

/**
 * Identity of a file that is not read as long as it has the same: not the time of its last change of status, since
 * package managers link one file into many projects, and each link changes it.
 */
export function packageStamp({ ino, size, mtimeMs }: Pick<Stats, 'ino' | 'size' | 'mtimeMs'>): string {
  return `${ino} ${size} ${mtimeMs}`
}

/** Looks at the files in `node_modules` that are imported. */
export class PackageLook {
  #files = new Map<string, PackageStamp | undefined>()
  #hash: string | undefined

  /** @param packages as they were read just now */
  follow(packages: ReadonlyMap<string, PackageStamp> | undefined): void {
    this.#files = new Map(packages)
    this.#hash = this.#files.size === 0 ? undefined : this.#summarize()
  }

  /** @param path real path */
  has(path: string): boolean {
    return this.#files.has(path)
  }

  /** One hash for all of them as they were seen last; undefined when there are none. */
  get hash(): string | undefined {
    return this.#hash
  }

  /** Takes some microseconds for each file, more for those that seem to have changed. */
  look(): void {
    let changed = false
    for (const [path, before] of this.#files) {
      const now = lookAt(path, before)
      if (now === before) continue
      this.#files.set(path, now)
      changed ||= now?.hash !== before?.hash
    }
    if (changed) this.#hash = this.#summarize()
  }

  #summarize(): string {
    const hasher = new Bun.CryptoHasher('sha256')
    for (const path of [...this.#files.keys()].toSorted())
      hasher.update(`${path}\0${this.#files.get(path)?.hash ?? 'gone'}\n`)
    return hasher.digest('hex')
  }
}

function lookAt(path: string, before: PackageStamp | undefined): PackageStamp | undefined {
  try {
    const stamp = packageStamp(statSync(path))
    if (stamp === before?.stamp) return before
    return { stamp, hash: new Bun.CryptoHasher('sha256').update(readFileSync(path)).digest('hex') }
  } catch {
    // ENOENT, EACCES: gone, as while packages are installed.
    return undefined
  }
}
