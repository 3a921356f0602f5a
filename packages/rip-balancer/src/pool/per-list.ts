import type { Member } from './member.ts'

/**
 * What is worked out once for each list of members. Lists do not change: when members, or their weights, are others,
 * they are another list.
 */
export class PerList<T> {
  private readonly workOut: (members: readonly Member[]) => T
  private readonly known = new WeakMap<readonly Member[], T>()
  /** Almost always the same one. */
  private last: { readonly members: readonly Member[]; readonly value: T } | undefined

  constructor(workOut: (members: readonly Member[]) => T) {
    this.workOut = workOut
  }

  of(members: readonly Member[]): T {
    if (this.last?.members === members) return this.last.value
    const value = this.known.get(members) ?? this.workOut(members)
    this.known.set(members, value)
    this.last = { members, value }
    return value
  }
}
