import { LAG_EVENT_MS, LAG_SAMPLE_MS } from '../defaults.ts'
import { setInterval } from '../own-timers.ts'

export type LagListener = (lagMs: number) => void

/** Tells listeners when the event loop stood still. Has a timer only while it has listeners. */
export class LagEvents implements Disposable {
  readonly #listeners = new Set<LagListener>()
  #timer: NodeJS.Timeout | undefined
  #expectedAtMs = 0

  on(listener: LagListener): Disposable {
    this.#listeners.add(listener)
    this.#watch()
    return { [Symbol.dispose]: () => this.#off(listener) }
  }

  [Symbol.dispose](): void {
    this.#listeners.clear()
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #off(listener: LagListener): void {
    this.#listeners.delete(listener)
    if (this.#listeners.size === 0) this[Symbol.dispose]()
  }

  #watch(): void {
    if (this.#timer !== undefined) return
    this.#expectedAtMs = performance.now() + LAG_SAMPLE_MS
    this.#timer = setInterval(() => this.#sample(), LAG_SAMPLE_MS)
    this.#timer.unref()
  }

  #sample(): void {
    const nowMs = performance.now()
    const lagMs = nowMs - this.#expectedAtMs
    this.#expectedAtMs = nowMs + LAG_SAMPLE_MS
    if (lagMs < LAG_EVENT_MS) return
    for (const listener of this.#listeners) listener(Math.round(lagMs))
  }
}
