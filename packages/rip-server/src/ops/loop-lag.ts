const PERIOD_MS = 500
/** What is told is the worst of one to two parts, so that no scraper misses it that asks every fifteen seconds. */
const PART_MS = 15_000

/** How late the event loop of this process was lately. */
export class LoopLag implements Disposable {
  readonly #nowMs: () => number
  readonly #timer: ReturnType<typeof setInterval>
  #dueMs: number
  #partEndMs: number
  #worstMs = 0
  #worstBeforeMs = 0

  /** @param nowMs on the monotonic clock */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
    this.#dueMs = nowMs() + PERIOD_MS
    this.#partEndMs = nowMs() + PART_MS
    this.#timer = setInterval(() => this.tick(), PERIOD_MS)
    this.#timer.unref()
  }

  /** Called when the loop gets to it. */
  tick(): void {
    const nowMs = this.#nowMs()
    this.#note(nowMs)
    this.#dueMs = nowMs + PERIOD_MS
  }

  get worstMs(): number {
    this.#note(this.#nowMs())
    return Math.max(this.#worstMs, this.#worstBeforeMs)
  }

  /** As a metric, in the text format of Prometheus. */
  render(): string {
    const name = 'rip_manager_loop_lag_seconds'
    return [
      `# HELP ${name} How late the event loop of the manager was at most, in the last 15 to 30 seconds.`,
      `# TYPE ${name} gauge`,
      `${name} ${this.worstMs / 1_000}`,
      '',
    ].join('\n')
  }

  #note(nowMs: number): void {
    if (nowMs >= this.#partEndMs) {
      this.#worstBeforeMs = nowMs >= this.#partEndMs + PART_MS ? 0 : this.#worstMs
      this.#worstMs = 0
      this.#partEndMs = nowMs + PART_MS
    }
    this.#worstMs = Math.max(this.#worstMs, nowMs - this.#dueMs)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
