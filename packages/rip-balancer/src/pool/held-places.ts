import { DEFAULT_LIMITS } from '../defaults.ts'
import type { LongLived } from './claim.ts'
import type { PooledBackend } from './pooled-backend.ts'

/** Tunnels and event streams that backends hold. They take no place of a request, and are limited by themselves. */
export class HeldPlaces {
  /** The most that one backend holds. */
  maxPerBackend: number = DEFAULT_LIMITS.maxLongLivedPerBackend
  private total = 0

  /** Whether no backend holds any. */
  get isEmpty(): boolean {
    return this.total === 0
  }

  hasRoom(backend: PooledBackend): boolean {
    return backend.longLived < this.maxPerBackend
  }

  add(backend: PooledBackend, kind: LongLived): void {
    backend.held[kind]++
    this.total++
  }

  /** @throws when the backend holds none */
  remove(backend: PooledBackend, kind: LongLived): void {
    if (backend.held[kind] === 0) throw new Error(`${backend.id} was let go of more often than it was held`)
    backend.held[kind]--
    this.total--
  }
}
