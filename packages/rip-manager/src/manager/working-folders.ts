import { existsSync } from 'node:fs'
import type { Surroundings } from '../machine/generation.ts'
import type { Snapshot } from '../contract/ports.ts'
import type { GenerationId } from '../contract/router.ts'
import { realPath } from '../system/real-path.ts'

/** Finds a folder for each process to start in. */
export class WorkingFolders {
  readonly #root: string
  readonly #warn: (message: string) => void
  /** Folders of releases that were cleared away, each warned of once. */
  readonly #removed = new Set<string>()

  /** @param root folder of the application, which may be a link */
  constructor(root: string, warn: (message: string) => void) {
    this.#root = root
    this.#warn = warn
  }

  /** Where the root points to now. For a root that is not there, the root: reading it says so. */
  present(): string {
    return realPath(this.#root)
  }

  /** No process starts in a folder that is gone: code comes from the snapshot, the folder from what is there now. */
  of(generation: GenerationId, { folder }: Snapshot, { cwd }: Surroundings): string {
    const candidates = [cwd, this.present(), ...(folder === undefined ? [] : [folder])]
    const found = candidates.find((path) => existsSync(path)) ?? cwd
    if (found === cwd) return cwd
    if (!this.#removed.has(cwd))
      this.#warn(`${cwd} was removed while ${generation} is served from it: its workers start in ${found}`)
    this.#removed.add(cwd)
    return found
  }
}
