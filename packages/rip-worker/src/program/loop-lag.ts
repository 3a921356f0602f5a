import { LAG_SAMPLE_MS } from '../defaults.ts'
import { setInterval } from '../own-timers.ts'

/** Measures how late the event loop was, with a timer that notes when it runs. */
export class LoopLag implements Disposable {
  readonly #timer: NodeJS.Timeout
  #expectedAt: number = performance.now() + LAG_SAMPLE_MS
  #longestMs = 0

  constructor() {
    this.#timer = setInterval(() => this.#sample(), LAG_SAMPLE_MS)
    this.#timer.unref()
  }

  /** The longest delay since the last call, including one that still lasts. */
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
