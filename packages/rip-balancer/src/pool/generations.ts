import { BalancerError } from '../errors.ts'
import type { PoolClock } from './clock.ts'
import { Member, type MemberSpec } from './member.ts'

/** What the generations need to know, and tell. */
export interface GenerationsOptions {
  /** Name of the pool, for messages. */
  readonly pool: string
  readonly clock: PoolClock
  /** Who drained the backends of an id, if they are drained. */
  readonly drainedBy: (id: string) => string | undefined
  /** A backend is no longer declared and has nothing left to do. */
  readonly retired: (member: Member) => void
}

/** The backends that are declared, by generation, and those that are no longer declared and not done yet. */
export class Generations {
  /** The generation that serves. */
  serving: string | undefined
  /** Its backends. The list is replaced, never changed. */
  rotation: readonly Member[] = []
  /** `undefined` is the key of backends without a generation. */
  private readonly declared = new Map<string | undefined, readonly Member[]>()
  private readonly leaving = new Set<Member>()
  private readonly options: GenerationsOptions

  constructor(options: GenerationsOptions) {
    this.options = options
  }

  has(generation: string | undefined): boolean {
    return this.declared.has(generation)
  }

  of(generation: string | undefined): readonly Member[] {
    return this.declared.get(generation) ?? []
  }

  /** All backends, those that leave at the end. */
  all(): readonly Member[] {
    return [...this.declared.values(), [...this.leaving]].flat()
  }

  /** Those of an id that are declared. @throws `BACKEND_UNKNOWN` when there are none */
  named(id: string): readonly Member[] {
    const members = this.all().filter((member) => member.id === id && !member.leaving)
    if (members.length > 0) return members
    const known = [...new Set(this.all().map((member) => member.id))]
    throw new BalancerError('BACKEND_UNKNOWN', { pool: this.options.pool, id, known })
  }

  /** What is under way at backends of a generation that leave. */
  unfinishedOf(generation: string): number {
    let count = 0
    for (const member of this.leaving) if (member.generation === generation) count += member.underWay
    return count
  }

  /**
   * Declares the complete set of backends of a generation. Those that were declared before stay as they are.
   *
   * @returns those that were not declared before
   * @throws `BACKEND_DUPLICATE` when two have the same id
   */
  prepare(generation: string | undefined, specs: readonly MemberSpec[]): readonly Member[] {
    this.refuseDuplicates(specs)
    const known = new Map(this.of(generation).map((member) => [member.id, member]))
    const joinedAtMs = this.joinsSlowly(generation, specs)
      ? this.options.clock.nowMs()
      : Number.NEGATIVE_INFINITY
    const members = specs.map((spec) => {
      // The addresses of a name stand in for what stood for the name.
      const sinceMs = known.get(spec.origin ?? '')?.joinedAtMs ?? joinedAtMs
      return reuse(known.get(spec.id), spec, joinedAtMs) ?? this.admit(spec, generation, sinceMs)
    })
    this.declared.set(generation, members)
    const declared = new Set(members)
    for (const member of known.values()) if (!declared.has(member)) this.dismiss(member)
    if (generation === this.serving) this.rotation = [...members]
    return members.filter((member) => known.get(member.id) !== member)
  }

  /** All new requests go to this generation from now on. */
  serve(generation: string | undefined): void {
    this.serving = generation
    this.rotation = [...this.of(generation)]
  }

  /** The generation is no longer declared. */
  remove(generation: string): void {
    for (const member of this.of(generation)) this.dismiss(member)
    this.declared.delete(generation)
  }

  /** A backend that leaves has nothing left to do. */
  forget(member: Member): void {
    this.leaving.delete(member)
    this.options.retired(member)
  }

  private dismiss(member: Member): void {
    member.leaving = true
    if (member.underWay === 0) return this.forget(member)
    this.leaving.add(member)
  }

  private admit(spec: MemberSpec, generation: string | undefined, joinedAtMs: number): Member {
    const member = new Member(spec, generation)
    member.joinedAtMs = joinedAtMs
    member.drainedBy = this.options.drainedBy(spec.id)
    return member
  }

  /** Beside others that go on. Where all are new, there is none that could do the part they do not do yet. */
  private joinsSlowly(generation: string | undefined, specs: readonly MemberSpec[]): boolean {
    if (generation !== this.serving) return false
    const declared = new Map(specs.map((spec) => [spec.id, spec]))
    const goesOn = (member: Member): boolean => {
      const spec = declared.get(member.id)
      return member.isUsed && member.ejection === undefined && spec !== undefined && member.matches(spec)
    }
    return this.rotation.some(goesOn)
  }

  private refuseDuplicates(specs: readonly MemberSpec[]): void {
    const ids = new Set<string>()
    for (const { id } of specs) {
      if (ids.has(id)) throw new BalancerError('BACKEND_DUPLICATE', { pool: this.options.pool, id })
      ids.add(id)
    }
  }
}

/** The backend as it is, with what may change while it serves; `undefined` when the specification names another server. */
function reuse(known: Member | undefined, spec: MemberSpec, joinedAtMs: number): Member | undefined {
  if (known?.matches(spec) !== true) return undefined
  if (known.weight === 0 && spec.weight > 0) known.joinedAtMs = joinedAtMs
  known.update(spec)
  return known
}
