import type { ManagerEvent } from '../contract/events.ts'
import type { CrashRecord } from '../contract/status.ts'

/** Crashes further apart than this do not belong together. */
const APART_MS = 120_000

type Exited = Pick<
  Extract<ManagerEvent, { type: 'worker-exited' }>,
  'slot' | 'reason' | 'atMs' | 'respawnInMs'
>

/** Remembers the last of the processes that ended by themselves, and how many did so before it, one soon after the other. */
export class CrashHistory {
  #last: Omit<CrashRecord, 'nextStartAtMs'> | undefined

  /** Ends of workers that are not replaced for it are not counted. */
  note({ slot, reason, atMs, respawnInMs }: Exited): void {
    if (respawnInMs === undefined) return
    this.#last = { count: this.#countBefore(atMs) + 1, slot, reason, atMs }
  }

  read(wallMs: number): Omit<CrashRecord, 'nextStartAtMs'> | undefined {
    return this.#countBefore(wallMs) === 0 ? undefined : this.#last
  }

  #countBefore(atMs: number): number {
    return this.#last === undefined || atMs - this.#last.atMs > APART_MS ? 0 : this.#last.count
  }
}
