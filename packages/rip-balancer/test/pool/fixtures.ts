import type { Backend } from '../../src/upstream/backend.ts'
import type { ClaimRefusal, Claimant } from '../../src/pool/claim.ts'
import type { BackendSpec } from '../../src/pool/pooled-backend.ts'
import type { PoolClock } from '../../src/pool/clock.ts'

/** A clock that the test advances. */
export class FakeClock implements PoolClock {
  private time = 1_000
  private timers: Array<{ readonly atMs: number; readonly run: () => void }> = []

  nowMs(): number {
    return this.time
  }

  after(delayMs: number, run: () => void): Disposable {
    const timer = { atMs: this.time + delayMs, run }
    this.timers.push(timer)
    return { [Symbol.dispose]: () => void (this.timers = this.timers.filter((each) => each !== timer)) }
  }

  advance(byMs: number): void {
    const until = this.time + byMs
    for (;;) {
      const next = this.timers.filter(({ atMs }) => atMs <= until).toSorted((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.timers = this.timers.filter((each) => each !== next)
      this.time = Math.max(this.time, next.atMs)
      next.run()
    }
    this.time = until
  }
}

/** A claimant, with the later answers of the pool. */
export class TestClaimant implements Claimant {
  readonly told: Array<Backend | ClaimRefusal> = []
  readonly hashKey: string | undefined
  stickyNames: readonly string[] = []
  learnedKey: string | undefined
  isRepeatable = true
  lot = 0
  lotFailed = false
  readonly asksForTunnel: boolean

  constructor(hashKey?: string, asksForTunnel = false) {
    this.hashKey = hashKey
    this.asksForTunnel = asksForTunnel
  }

  get expectsLongLife(): boolean {
    return this.asksForTunnel
  }

  granted(backend: Backend): void {
    this.told.push(backend)
  }

  refused(reason: ClaimRefusal): void {
    this.told.push(reason)
  }
}

export function member(id: string, options: Partial<BackendSpec> = {}): BackendSpec {
  return { id, address: { kind: 'unix', path: `/run/${id}.sock` }, maxInFlight: 1, weight: 1, ...options }
}
