/** A point in time at which waiting ends, or earlier when a signal aborts. */
export class Deadline {
  readonly #at: number
  readonly #signal: AbortSignal | undefined

  constructor(timeoutMs: number, signal?: AbortSignal) {
    this.#at = performance.now() + timeoutMs
    this.#signal = signal
  }

  get isOver(): boolean {
    return this.#signal?.aborted === true || this.remainingMs === 0
  }

  get remainingMs(): number {
    return Math.max(0, this.#at - performance.now())
  }
}
