import { dirname } from 'node:path'
import { isAuthored } from './authored.ts'
import {
  SELF_WRITE_COUNT,
  SELF_WRITE_DOUBT_MS,
  SELF_WRITE_FOLDER_COUNT,
  SELF_WRITE_WINDOW_MS,
} from './bounds.ts'

/** Finds data that the application itself keeps writing, which would reload it for ever: a file, or a folder of ever new files. */
export class SelfWriteGuard {
  readonly #times = new Map<string, readonly number[]>()

  /** Files and folders among those changed that are to be left out from now on. */
  note(changed: readonly string[], nowMs: number): readonly string[] {
    if (changed.some(isAuthored)) return []
    this.#forget(nowMs)
    const folders = new Set(changed.map((path) => dirname(path)).filter((folder) => folder !== '.'))
    for (const path of [...changed, ...folders]) this.#times.set(path, [...this.#timesOf(path), nowMs])

    const busyFolders = [...folders].filter(
      (folder) => this.#timesOf(folder).length >= SELF_WRITE_FOLDER_COUNT,
    )
    const busyFiles = changed.filter((path) => this.#timesOf(path).length >= SELF_WRITE_COUNT)
    return [...busyFolders, ...busyFiles]
  }

  /** Those of the changes noted last that may be the beginning of it: data that changed shortly before as well. */
  doubts(changed: readonly string[]): readonly string[] {
    if (changed.some(isAuthored)) return []
    return changed.filter((path) => this.#isHasty(path) || this.#isHasty(dirname(path)))
  }

  #isHasty(path: string): boolean {
    const [last = Infinity, before = -Infinity] = this.#timesOf(path).toReversed()
    return last - before < SELF_WRITE_DOUBT_MS
  }

  #timesOf(path: string): readonly number[] {
    return this.#times.get(path) ?? []
  }

  #forget(nowMs: number): void {
    for (const [path, times] of this.#times) {
      const recent = times.filter((time) => nowMs - time < SELF_WRITE_WINDOW_MS)
      if (recent.length === 0) this.#times.delete(path)
      else this.#times.set(path, recent)
    }
  }
}
