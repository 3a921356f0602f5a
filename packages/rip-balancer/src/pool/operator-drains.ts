import type { PoolClock } from './clock.ts'
import type { PooledBackend } from './pooled-backend.ts'
import type { PoolObserver } from './pool-options.ts'

/**
 * Which backends an operator or a program has drained: they take nothing new, in whatever generation and however often they
 * are declared again, until they are undrained.
 */
export class OperatorDrains {
  /** Who drained which backend, by its id. */
  private readonly drained: Map<string, string>
  private readonly clock: PoolClock
  private readonly observer: PoolObserver

  /** @param drained from the start */
  constructor(drained: ReadonlyMap<string, string> | undefined, clock: PoolClock, observer: PoolObserver) {
    this.drained = new Map(drained)
    this.clock = clock
    this.observer = observer
  }

  /** Who drained the backends of an id, if they are drained. */
  by(id: string): string | undefined {
    return this.drained.get(id)
  }

  /** @param backends those of this id @returns what is under way there, tunnels and event streams included */
  drain(id: string, by: string, backends: readonly PooledBackend[]): number {
    this.drained.set(id, by)
    for (const backend of backends) {
      if (backend.drainedBy !== undefined) continue
      backend.drainedBy = by
      this.observer.drained(backend, by, backend.underWay)
      this.noteEnd(backend)
    }
    return backends.reduce((count, { underWay }) => count + underWay, 0)
  }

  /** @param backends those of this id */
  undrain(id: string, by: string, backends: readonly PooledBackend[]): void {
    this.drained.delete(id)
    for (const backend of backends) {
      if (backend.drainedBy === undefined) continue
      backend.drainedBy = undefined
      backend.joinedAtMs = this.clock.nowMs()
      this.observer.undrained(backend, by)
    }
  }

  /** Something has ended at the backend. */
  noteEnd(backend: PooledBackend): void {
    if (backend.drainedBy !== undefined && backend.underWay === 0) this.observer.emptied(backend)
  }
}
