import { fractionOf, keyHash } from './key-hash.ts'
import type { Claimant } from './claim.ts'
import type { Eligible, Member } from './member.ts'
import { PerList } from './per-list.ts'
import type { StickyNames } from './sticky-names.ts'
import { Turns } from './turns.ts'
import { WeightedDraw } from './weighted-draw.ts'

export const POLICIES = ['round-robin', 'least-requests', 'p2c', 'weighted', 'hash', 'sticky'] as const

/**
 * How a backend is chosen among those with free capacity. In each of them weights are shares.
 *
 * - `round-robin`: one after the other, evenly spread.
 * - `least-requests`: one with the fewest requests in flight for its weight; among equals round robin.
 * - `p2c`: of two random ones the first, unless the other would have less to do for its weight.
 * - `weighted`: another name of `round-robin`.
 * - `hash`: the same key goes to the same backend (rendezvous) until that one is full; without a key round robin.
 * - `sticky`: the one the client's cookie names; round robin for who has none, or when it takes nothing.
 */
export type PolicyName = (typeof POLICIES)[number]

/** By what a client is recognised; read only by policies that do. */
export type ClientKeys = Pick<Claimant, 'hashKey' | 'stickyNames'>

export interface Policy {
  /** @param members see {@link PerList} */
  choose(members: readonly Member[], eligible: Eligible, client: ClientKeys): Member | undefined
}

export interface PolicyTools {
  /** A number in [0, 1). */
  readonly random: () => number
  readonly names: StickyNames
}

export function createPolicy(name: PolicyName, { random, names }: PolicyTools): Policy {
  if (name === 'least-requests') return new LeastRequests(random)
  if (name === 'p2c') return new PowerOfTwoChoices(random)
  if (name === 'hash') return new Rendezvous(random)
  if (name === 'sticky') return new Sticky(random, names)
  return new Turns(random)
}

/**
 * One of those that are no busier, for their weight, than the least busy one would be with one more request. Among them
 * it is the turn of who has had the fewest for its weight: who had to let others go first makes up for one turn.
 */
class LeastRequests implements Policy {
  private readonly random: () => number
  private readonly begun = new PerList((members) => this.begin(members))
  private now = 0

  constructor(random: () => number) {
    this.random = random
  }

  choose(members: readonly Member[], eligible: Eligible): Member | undefined {
    this.begun.of(members)
    const bound = leastLoad(members, eligible)
    let chosen: Member | undefined
    for (const member of members) {
      if (load(member) >= bound || (chosen !== undefined && member.turnAt >= chosen.turnAt)) continue
      if (eligible(member)) chosen = member
    }
    if (chosen !== undefined) this.giveTurn(chosen)
    return chosen
  }

  private begin(members: readonly Member[]): true {
    for (const member of members) member.turnAt = this.now + (1 - this.random()) / member.weight
    return true
  }

  private giveTurn(member: Member): void {
    const every = 1 / member.weight
    this.now = Math.max(this.now, member.turnAt)
    member.turnAt = Math.max(member.turnAt, this.now - every) + every
  }
}

const load = (member: Member): number => member.inFlight / member.weight

const loadWithOneMore = (member: Member): number => (member.inFlight + 1) / member.weight

/** How busy the least busy one would be with one more request. */
function leastLoad(members: readonly Member[], eligible: Eligible): number {
  let least = Number.POSITIVE_INFINITY
  for (const member of members) {
    const would = loadWithOneMore(member)
    if (would < least && eligible(member)) least = would
  }
  return least
}

class PowerOfTwoChoices implements Policy {
  private readonly lots: WeightedDraw

  constructor(random: () => number) {
    this.lots = new WeightedDraw(random)
  }

  choose(members: readonly Member[], eligible: Eligible): Member | undefined {
    const first = this.lots.draw(members, eligible)
    if (first === undefined || first.inFlight === 0) return first
    const second = this.lots.draw(members, eligible, first)
    return second !== undefined && loadWithOneMore(second) <= load(first) ? second : first
  }
}

/** Highest random weight: adding or removing a member, or weight, moves only that share of the keys. */
class Rendezvous implements Policy {
  private readonly fallback: Turns

  constructor(random: () => number) {
    this.fallback = new Turns(random)
  }

  choose(members: readonly Member[], eligible: Eligible, { hashKey }: ClientKeys): Member | undefined {
    if (hashKey === undefined) return this.fallback.choose(members, eligible)
    const hash = keyHash(hashKey)
    let best: Member | undefined
    let bestScore = Number.NEGATIVE_INFINITY
    for (const member of members) {
      const score = Math.log(fractionOf(hash, member.hash)) / member.weight
      if (score <= bestScore || !eligible(member)) continue
      best = member
      bestScore = score
    }
    return best
  }
}

/** The member that the client's cookie names; of several cookies the first one that names somebody who can take it. */
class Sticky implements Policy {
  private readonly fallback: Turns
  private readonly names: StickyNames

  constructor(random: () => number, names: StickyNames) {
    this.fallback = new Turns(random)
    this.names = names
  }

  choose(members: readonly Member[], eligible: Eligible, { stickyNames }: ClientKeys): Member | undefined {
    for (const name of stickyNames) {
      const member = this.names.find(members, name)
      if (member !== undefined && eligible(member)) return member
    }
    return this.fallback.choose(members, eligible)
  }
}
