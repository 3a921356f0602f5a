import type { Random } from '../contract/ports.ts'

export interface CrashBudgetLimits {
  readonly restarts: number
  readonly perMs: number
  readonly backoffBaseMs: number
  readonly backoffCapMs: number
  readonly stableMs: number
}

/**
 * How fast dead workers of one generation are replaced: the first one at once, further ones after an
 * exponential backoff with full jitter. Once the budget is spent the fleet is in a crash loop; it keeps trying,
 * one worker at a time, until one of them proves stable.
 */
export class CrashBudget {
  readonly #limits: CrashBudgetLimits
  readonly #random: Random
  #recentMs: number[] = []
  /** Crashes since the budget was last whole; counted while it is spent. */
  #streak = 0
  #spent = false

  constructor(limits: CrashBudgetLimits, random: Random) {
    this.#limits = limits
    this.#random = random
  }

  get spent(): boolean {
    return this.#spent
  }

  /** Accounts for a crash and returns the delay before the replacement may start. */
  crash(nowMs: number): number {
    this.#recentMs = this.#recentMs.filter((atMs) => nowMs - atMs < this.#limits.perMs)
    this.#recentMs.push(nowMs)
    this.#streak = this.#spent ? this.#streak + 1 : this.#recentMs.length
    if (this.#recentMs.length > this.#limits.restarts) this.#spent = true
    return this.#delayMs()
  }

  /** A worker stayed ready for long enough. */
  recover(): void {
    this.#recentMs = []
    this.#streak = 0
    this.#spent = false
  }

  #delayMs(): number {
    if (this.#streak <= 1) return 0
    const { backoffBaseMs, backoffCapMs } = this.#limits
    return this.#random() * Math.min(backoffCapMs, backoffBaseMs * 2 ** (this.#streak - 2))
  }
}
