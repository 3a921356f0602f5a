import type { PoolClock } from './clock.ts'
import type { Ejector } from './ejector.ts'
import type { PooledBackend } from './pooled-backend.ts'
import type { PoolObserver } from './pool-options.ts'

/** What active health checks say of backends, and what follows for them. */
export class HealthResults {
  private readonly clock: PoolClock
  private readonly observer: PoolObserver
  private readonly ejector: Ejector

  constructor(clock: PoolClock, observer: PoolObserver, ejector: Ejector) {
    this.clock = clock
    this.observer = observer
    this.ejector = ejector
  }

  /** @returns whether the backend takes requests again, or takes none any more */
  set(backend: PooledBackend, healthy: boolean, reason: string | undefined): boolean {
    backend.illness = healthy ? undefined : (reason ?? backend.illness)
    if (backend.healthy === healthy) return false
    backend.healthy = healthy
    if (healthy) backend.joinedAtMs = this.clock.nowMs()
    if (healthy) this.ejector.noteRecovered(backend)
    this.observer.health(backend, healthy, reason ?? backend.illness)
    return true
  }

  /** One check, which does not take a backend out yet, or bring it back. */
  note(backend: PooledBackend, passed: boolean): void {
    backend.ailing = !passed
    if (passed) this.ejector.noteReached(backend)
  }
}
