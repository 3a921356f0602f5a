import { LAG_SAMPLE_MS } from '../defaults.ts'
import { setInterval } from '../own-timers.ts'

/** How late the event loop was, by a timer that notes when it runs. */
export class LoopLag implements Disposable {
  readonly #timer: NodeJS.Timeout
  #expectedAt: number = performance.now() + LAG_SAMPLE_MS
  #longestMs = 0

  constructor() {
    this.#timer = setInterval(() => this.#sample(), LAG_SAMPLE_MS)
    this.#timer.unref()
  }

  /** The longest delay since the last call, the one under way included. */
  take(): number {
    this.#note()
    const longestMs = this.#longestMs
    this.#longestMs = 0
    return Math.round(longestMs)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #sample(): void {
    this.#note()
    this.#expectedAt = performance.now() + LAG_SAMPLE_MS
  }

  #note(): void {
    this.#longestMs = Math.max(this.#longestMs, performance.now() - this.#expectedAt)
  }
}
