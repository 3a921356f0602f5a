import type { Member } from './member.ts'
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
  capacityOf(member: Member): number {
    if (this.durationMs === 0) return member.maxInFlight
    const share = (this.clock.nowMs() - member.joinedAtMs) / this.durationMs
    return share >= 1 ? member.maxInFlight : Math.max(1, Math.ceil(member.maxInFlight * share))
  }

  /** Requests that all of them may have in flight now. */
  capacityOfAll(members: readonly Member[]): number {
    let capacity = 0
    for (const member of members) if (member.isUsed) capacity += this.capacityOf(member)
    return capacity
  }

  hasCapacity(member: Member): boolean {
    return member.isUsed && member.inFlight < this.capacityOf(member)
  }

  /** Milliseconds until one of them may have one more request in flight; `Infinity` when none grows. */
  growsInMs(members: readonly Member[]): number {
    let soonestMs = Number.POSITIVE_INFINITY
    if (this.durationMs === 0) return soonestMs
    const now = this.clock.nowMs()
    for (const member of members) {
      const capacity = this.capacityOf(member)
      if (capacity >= member.maxInFlight) continue
      const grownAtMs = member.joinedAtMs + (capacity / member.maxInFlight) * this.durationMs
      // A little later, so that rounding cannot put the same capacity off for ever.
      soonestMs = Math.min(soonestMs, Math.max(0, grownAtMs - now) + 1)
    }
    return soonestMs
  }
}
