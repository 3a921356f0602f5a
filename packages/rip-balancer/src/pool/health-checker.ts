import type { ResolvedHealth } from '../config/resolve-config.ts'
import { HEALTH_JITTER } from '../defaults.ts'
import type { Member } from './member.ts'
import type { Pool } from './pool.ts'

interface Streak {
  passes: number
  failures: number
}

/** Asks every backend in rotation for a path, regularly and not all at once, and tells the pool who passes. */
export class HealthChecker implements Disposable {
  private readonly pool: Pool
  private readonly options: ResolvedHealth
  private readonly streaks = new WeakMap<Member, Streak>()
  private timer: ReturnType<typeof setTimeout> | undefined
  private closed = false

  constructor(pool: Pool, options: ResolvedHealth) {
    this.pool = pool
    this.options = options
  }

  start(): void {
    this.schedule()
  }

  [Symbol.dispose](): void {
    this.closed = true
    clearTimeout(this.timer)
  }

  private schedule(): void {
    if (this.closed) return
    const jitter = 1 + HEALTH_JITTER * (2 * Math.random() - 1)
    this.timer = setTimeout(() => {
      void this.checkAll().finally(() => this.schedule())
    }, this.options.intervalMs * jitter)
    this.timer.unref()
  }

  private async checkAll(): Promise<void> {
    await Promise.all(this.pool.members.map((member) => this.check(member)))
  }

  private async check(member: Member): Promise<void> {
    const passed = await this.passes(member)
    if (this.closed) return
    const streak = this.streaks.get(member) ?? { passes: 0, failures: 0 }
    this.streaks.set(member, streak)
    streak.passes = passed ? streak.passes + 1 : 0
    streak.failures = passed ? 0 : streak.failures + 1
    if (member.healthy && streak.failures >= this.options.fall) this.pool.setHealth(member, false)
    if (!member.healthy && streak.passes >= this.options.rise) this.pool.setHealth(member, true)
  }

  private async passes({ address }: Member): Promise<boolean> {
    const { path, timeoutMs } = this.options
    const host = address.kind === 'unix' ? 'localhost' : `${address.host}:${address.port}`
    try {
      const response = await fetch(`http://${host}${path}`, {
        redirect: 'manual',
        keepalive: false,
        signal: AbortSignal.timeout(timeoutMs),
        ...(address.kind === 'unix' && { unix: address.path }),
      })
      await response.body?.cancel()
      return response.ok
    } catch {
      // Refused, reset or too slow: it does not pass.
      return false
    }
  }
}
