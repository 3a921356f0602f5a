import type { PooledBackend } from './pooled-backend.ts'

/**
 * What is worked out once for each list of backends. Lists do not change: when backends, or their weights, are others,
 * they are another list.
 */
export class PerList<T> {
  private readonly workOut: (backends: readonly PooledBackend[]) => T
  private readonly known = new WeakMap<readonly PooledBackend[], T>()
  /** Almost always the same one. */
  private last: { readonly backends: readonly PooledBackend[]; readonly value: T } | undefined

  constructor(workOut: (backends: readonly PooledBackend[]) => T) {
    this.workOut = workOut
  }

  of(backends: readonly PooledBackend[]): T {
    if (this.last?.backends === backends) return this.last.value
    const value = this.known.get(backends) ?? this.workOut(backends)
    this.known.set(backends, value)
    this.last = { backends, value }
    return value
  }
}
