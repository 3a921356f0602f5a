import { type FSWatcher, statSync, watch } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** More folders than this are left to sweeping. */
const MAX_FOLDERS = 512

interface Watched {
  readonly watcher: FSWatcher | undefined
  /** Identity of the folder: another one may have been put in its place. */
  readonly identity: string | undefined
  names: ReadonlySet<string>
}

/** Reports from the operating system about files here and there. Any may be missing: they only say when to look. */
export class FollowedFiles implements Disposable {
  readonly #wake: () => void
  readonly #folders = new Map<string, Watched>()

  constructor(wake: () => void) {
    this.#wake = wake
  }

  /**
   * Watches these files, by absolute path, and no others any more. Called again, it finds folders that were replaced, and
   * those it could not watch.
   */
  follow(files: readonly string[]): void {
    const wanted = namesByFolder(files)
    for (const [folder, { watcher, identity }] of this.#folders) {
      if (!wanted.has(folder) || watcher === undefined || identityOf(folder) !== identity)
        this.#forget(folder)
    }
    for (const [folder, names] of wanted) {
      const watched = this.#folders.get(folder)
      if (watched !== undefined) watched.names = names
      else if (this.#folders.size < MAX_FOLDERS) this.#watch(folder, names)
    }
  }

  [Symbol.dispose](): void {
    for (const { watcher } of this.#folders.values()) watcher?.close()
    this.#folders.clear()
  }

  #watch(folder: string, names: ReadonlySet<string>): void {
    const identity = identityOf(folder)
    this.#folders.set(folder, { watcher: this.#open(folder), identity, names })
  }

  #open(folder: string): FSWatcher | undefined {
    try {
      const watcher = watch(folder, (_, name) => this.#report(folder, name))
      return watcher.on('error', () => {})
    } catch {
      // ENOENT, ENOSPC: sweeping notices as well, only later.
      return undefined
    }
  }

  #report(folder: string, name: string | null): void {
    if (name !== null && this.#folders.get(folder)?.names.has(name) !== true) return
    // It may be a folder that is watched, and now another one, or none.
    if (name !== null) this.#forget(join(folder, name))
    this.#wake()
  }

  #forget(folder: string): void {
    this.#folders.get(folder)?.watcher?.close()
    this.#folders.delete(folder)
  }
}

/** The names to listen for in each folder; the folder itself is one of those in the folder above. */
function namesByFolder(files: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const names = new Map<string, Set<string>>()
  const add = (path: string): void => {
    const folder = dirname(path)
    names.set(folder, (names.get(folder) ?? new Set()).add(basename(path)))
  }
  for (const file of files) {
    add(file)
    add(dirname(file))
  }
  return names
}

function identityOf(folder: string): string | undefined {
  const status = statSync(folder, { throwIfNoEntry: false })
  return status && `${status.dev} ${status.ino} ${status.birthtimeMs}`
}
