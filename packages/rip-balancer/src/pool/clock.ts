/** Monotonic time and timers of a pool; replaced in tests. */
export interface PoolClock {
  nowMs(): number
  after(delayMs: number, run: () => void): Disposable
}

/** A longer delay would make a timer fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The clock of the process; its timers do not keep it alive. */
export const systemClock: PoolClock = {
  nowMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(delayMs, MAX_TIMER_MS))
    timer.unref()
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}
