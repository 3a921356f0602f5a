import type { Outcome } from './claim.ts'
import type { PoolClock } from './clock.ts'
import type { Member } from './member.ts'
import { DEFAULT_EJECTION, type EjectionOptions, type PoolObserver } from './pool-options.ts'

/** What the ejector needs of its pool. */
export interface EjectorPool {
  /** Members in rotation. */
  members(): readonly Member[]
  /** A member may be tried again. */
  maybeFree(): void
}

/**
 * Puts members aside that cannot be connected to, longer each time, and lets one request at a time try them again.
 * An answer of any kind brings a member back.
 */
export class Ejector {
  options: EjectionOptions = DEFAULT_EJECTION
  /** How often members were put aside. */
  count = 0
  private readonly clock: PoolClock
  private readonly observer: PoolObserver
  private readonly pool: EjectorPool

  constructor(clock: PoolClock, observer: PoolObserver, pool: EjectorPool) {
    this.clock = clock
    this.observer = observer
    this.pool = pool
  }

  /** Not put aside; or its time is over and this is the one request that tries it. */
  admits(member: Member): boolean {
    if (member.ejectedUntilMs === 0) return true
    return member.ejectedUntilMs <= this.clock.nowMs() && member.inFlight === 0
  }

  judge(member: Member, outcome: Outcome): void {
    if (outcome === 'connect-failed' || outcome === 'connect-timeout') return this.noteFailure(member)
    if (outcome === 'local-failure' || outcome === 'client-gone') return
    member.consecutiveFailures = 0
    member.ejections = 0
    if (member.ejectedUntilMs === 0) return
    member.ejectedUntilMs = 0
    this.observer.readmitted(member)
  }

  /** Whatever its share and its history. */
  putAside(member: Member): void {
    member.failures++
    this.eject(member)
  }

  private noteFailure(member: Member): void {
    member.failures++
    member.consecutiveFailures++
    // Tried before its time because nothing else was left: that says nothing new.
    if (member.ejectedUntilMs > this.clock.nowMs()) return
    const probing = member.ejectedUntilMs > 0
    if (!probing && member.consecutiveFailures < this.options.after) return
    if (!probing && !this.mayEject()) return
    this.eject(member)
  }

  private eject(member: Member): void {
    const forMs = Math.min(this.options.maxMs, this.options.minMs * 2 ** member.ejections)
    member.ejections++
    member.ejectedUntilMs = this.clock.nowMs() + forMs
    this.count++
    this.observer.ejected(member, forMs)
    this.clock.after(forMs, () => this.pool.maybeFree())
  }

  private mayEject(): boolean {
    const members = this.pool.members()
    const ejected = members.reduce((count, each) => count + (each.ejectedUntilMs > 0 ? 1 : 0), 0)
    return ejected + 1 <= Math.max(1, Math.floor(members.length * this.options.share))
  }
}
