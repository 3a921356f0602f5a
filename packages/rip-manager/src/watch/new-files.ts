import type { TreeState } from '../contract/ports.ts'

/** A file may be seen before all of it is written. */
const WRITTEN_WITHIN_MS = 1_000
/** So many are remembered. */
const MAX_FILES = 10_000

/** Files that came while they were watched. */
export class NewFiles {
  /** When each was seen first. */
  readonly #seenMs = new Map<string, number>()

  /**
   * What the change of this file is: it `came`, or `follows` from that, as the rest of it was written or it has gone again;
   * `undefined` for any other change, also when a file comes again.
   */
  change(path: string, before: TreeState, now: TreeState, nowMs: number): 'came' | 'follows' | undefined {
    const seenMs = this.#seenMs.get(path)
    if (!before.files.has(path) && seenMs === undefined) {
      this.#remember(path, nowMs)
      return 'came'
    }
    if (seenMs === undefined || !before.files.has(path)) return undefined
    return !now.files.has(path) || nowMs - seenMs < WRITTEN_WITHIN_MS ? 'follows' : undefined
  }

  #remember(path: string, nowMs: number): void {
    this.#seenMs.set(path, nowMs)
    const [oldest] = this.#seenMs.keys()
    if (this.#seenMs.size > MAX_FILES && oldest !== undefined) this.#seenMs.delete(oldest)
  }
}
