import { BalancerError } from '../errors.ts'
import type { PoolClock } from './clock.ts'
import { PooledBackend, type BackendSpec } from './pooled-backend.ts'

/** What the generations need to know, and tell. */
export interface GenerationsOptions {
  /** Name of the pool, for messages. */
  readonly pool: string
  readonly clock: PoolClock
  /** Who drained the backends of an id, if they are drained. */
  readonly drainedBy: (id: string) => string | undefined
  /** A backend is no longer declared, and something is under way there. */
  readonly leaves: (backend: PooledBackend) => void
  /** A backend is no longer declared and has nothing left to do. */
  readonly retired: (backend: PooledBackend) => void
}

/** The backends that are declared, by generation, and those that are no longer declared and not done yet. */
export class Generations {
  /** The generation that serves. */
  serving: string | undefined
  /** Its backends. The list is replaced, never changed. */
  rotation: readonly PooledBackend[] = []
  /** `undefined` is the key of backends without a generation. */
  private readonly declared = new Map<string | undefined, readonly PooledBackend[]>()
  private readonly leaving = new Set<PooledBackend>()
  private readonly options: GenerationsOptions

  constructor(options: GenerationsOptions) {
    this.options = options
  }

  has(generation: string | undefined): boolean {
    return this.declared.has(generation)
  }

  of(generation: string | undefined): readonly PooledBackend[] {
    return this.declared.get(generation) ?? []
  }

  /** All backends, those that leave at the end. */
  all(): readonly PooledBackend[] {
    return [...this.declared.values(), [...this.leaving]].flat()
  }

  /** Those of an id that are declared. @throws `BACKEND_UNKNOWN` when there are none */
  named(id: string): readonly PooledBackend[] {
    const backends = this.all().filter((backend) => backend.id === id && !backend.leaving)
    if (backends.length > 0) return backends
    const known = [...new Set(this.all().map((backend) => backend.id))]
    throw new BalancerError('BACKEND_UNKNOWN', { pool: this.options.pool, id, known })
  }

  /** What is under way at backends of a generation that leave. */
  unfinishedOf(generation: string): number {
    let count = 0
    for (const backend of this.leaving) if (backend.generation === generation) count += backend.underWay
    return count
  }

  /**
   * Declares the complete set of backends of a generation. Those that were declared before stay as they are.
   *
   * @returns those that were not declared before
   * @throws `BACKEND_DUPLICATE` when two have the same id
   */
  prepare(generation: string | undefined, specs: readonly BackendSpec[]): readonly PooledBackend[] {
    this.refuseDuplicates(specs)
    const known = new Map(this.of(generation).map((backend) => [backend.id, backend]))
    const joinedAtMs = this.joinsSlowly(generation, specs)
      ? this.options.clock.nowMs()
      : Number.NEGATIVE_INFINITY
    const backends = specs.map((spec) => {
      // The addresses of a name stand in for what stood for the name.
      const sinceMs = known.get(spec.origin ?? '')?.joinedAtMs ?? joinedAtMs
      return reuse(known.get(spec.id), spec, joinedAtMs) ?? this.admit(spec, generation, sinceMs)
    })
    this.declared.set(generation, backends)
    const declared = new Set(backends)
    for (const backend of known.values()) if (!declared.has(backend)) this.dismiss(backend)
    if (generation === this.serving) this.rotation = [...backends]
    return backends.filter((backend) => known.get(backend.id) !== backend)
  }

  /** All new requests go to this generation from now on. */
  serve(generation: string | undefined): void {
    this.serving = generation
    this.rotation = [...this.of(generation)]
  }

  /** The generation is no longer declared. */
  remove(generation: string): void {
    for (const backend of this.of(generation)) this.dismiss(backend)
    this.declared.delete(generation)
  }

  /** A backend that leaves has nothing left to do. */
  forget(backend: PooledBackend): void {
    this.leaving.delete(backend)
    this.options.retired(backend)
  }

  private dismiss(backend: PooledBackend): void {
    backend.leaving = true
    if (backend.underWay === 0) return this.forget(backend)
    this.leaving.add(backend)
    this.options.leaves(backend)
  }

  private admit(spec: BackendSpec, generation: string | undefined, joinedAtMs: number): PooledBackend {
    const backend = new PooledBackend(spec, generation)
    backend.joinedAtMs = joinedAtMs
    backend.drainedBy = this.options.drainedBy(spec.id)
    return backend
  }

  /** Beside others that go on. Where all are new, there is none that could do the part they do not do yet. */
  private joinsSlowly(generation: string | undefined, specs: readonly BackendSpec[]): boolean {
    if (generation !== this.serving) return false
    const declared = new Map(specs.map((spec) => [spec.id, spec]))
    const goesOn = (backend: PooledBackend): boolean => {
      const spec = declared.get(backend.id)
      return backend.isUsed && backend.ejection === undefined && spec !== undefined && backend.matches(spec)
    }
    return this.rotation.some(goesOn)
  }

  private refuseDuplicates(specs: readonly BackendSpec[]): void {
    const ids = new Set<string>()
    for (const { id } of specs) {
      if (ids.has(id)) throw new BalancerError('BACKEND_DUPLICATE', { pool: this.options.pool, id })
      ids.add(id)
    }
  }
}

/** The backend as it is, with what may change while it serves; `undefined` when the specification names another server. */
function reuse(
  known: PooledBackend | undefined,
  spec: BackendSpec,
  joinedAtMs: number,
): PooledBackend | undefined {
  if (known?.matches(spec) !== true) return undefined
  if (known.weight === 0 && spec.weight > 0) known.joinedAtMs = joinedAtMs
  known.update(spec)
  return known
}
