import type { PooledBackend } from './pooled-backend.ts'
import type { PoolClock } from './clock.ts'

/** Lets the capacity of a backend that joins others, or recovers, grow to its full size over some time. */
export class SlowStart {
  /** 0: every backend has its full capacity at once. */
  durationMs = 0
  private readonly clock: PoolClock

  constructor(clock: PoolClock) {
    this.clock = clock
  }

  /** Requests the backend may have in flight now. */
  capacityOf(backend: PooledBackend): number {
    if (this.durationMs === 0) return backend.maxInFlight
    const share = (this.clock.nowMs() - backend.joinedAtMs) / this.durationMs
    return share >= 1 ? backend.maxInFlight : Math.max(1, Math.ceil(backend.maxInFlight * share))
  }

  /** Requests that all of them may have in flight now. */
  capacityOfAll(backends: readonly PooledBackend[]): number {
    let capacity = 0
    for (const backend of backends) if (backend.isUsed) capacity += this.capacityOf(backend)
    return capacity
  }

  hasCapacity(backend: PooledBackend): boolean {
    return backend.isUsed && backend.inFlight < this.capacityOf(backend)
  }

  /** Milliseconds until one of them may have one more request in flight; `Infinity` when none grows. */
  growsInMs(backends: readonly PooledBackend[]): number {
    let soonestMs = Number.POSITIVE_INFINITY
    if (this.durationMs === 0) return soonestMs
    const now = this.clock.nowMs()
    for (const backend of backends) {
      const capacity = this.capacityOf(backend)
      if (capacity >= backend.maxInFlight) continue
      const grownAtMs = backend.joinedAtMs + (capacity / backend.maxInFlight) * this.durationMs
      // A little later, so that rounding cannot put the same capacity off for ever.
      soonestMs = Math.min(soonestMs, Math.max(0, grownAtMs - now) + 1)
    }
    return soonestMs
  }
}
