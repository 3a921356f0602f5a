import { HASH_LOAD_BOUND } from '../defaults.ts'
import { stickyId } from '../exchange/affinity.ts'
import type { Member } from './member.ts'

export const POLICIES = ['round-robin', 'least-requests', 'p2c', 'weighted', 'hash', 'sticky'] as const

/**
 * How a backend is chosen among those with free capacity.
 *
 * - `round-robin`: one after the other.
 * - `least-requests`: the one with the fewest requests in flight per weight; round robin among equals.
 * - `p2c`: the less busy of two random ones.
 * - `weighted`: smooth weighted round robin.
 * - `hash`: the same key goes to the same backend (rendezvous), unless it is far busier than the others.
 * - `sticky`: the one the client's cookie names; round robin for who has none, or when it takes nothing.
 */
export type PolicyName = (typeof POLICIES)[number]

/** Whether a member may take one more request now. */
export type Eligible = (member: Member) => boolean

export interface Policy {
  /** @param key what hash policies hash; read only by those */
  choose(members: readonly Member[], eligible: Eligible, key: () => string | undefined): Member | undefined
}

/** @param random a number in [0, 1) */
export function createPolicy(name: PolicyName, random: () => number): Policy {
  if (name === 'least-requests') return new LeastRequests()
  if (name === 'p2c') return new PowerOfTwoChoices(random)
  if (name === 'weighted') return new SmoothWeighted()
  if (name === 'hash') return new Rendezvous()
  if (name === 'sticky') return new Sticky()
  return new RoundRobin()
}

class RoundRobin implements Policy {
  private next = 0

  choose(members: readonly Member[], eligible: Eligible): Member | undefined {
    for (let step = 0; step < members.length; step++) {
      const at = (this.next + step) % members.length
      const member = members[at]!
      if (!eligible(member)) continue
      this.next = at + 1
      return member
    }
    return undefined
  }
}

class LeastRequests implements Policy {
  private next = 0

  choose(members: readonly Member[], eligible: Eligible): Member | undefined {
    let best: Member | undefined
    let bestAt = 0
    for (let step = 0; step < members.length; step++) {
      const at = (this.next + step) % members.length
      const member = members[at]!
      if (!eligible(member) || (best !== undefined && load(member) >= load(best))) continue
      best = member
      bestAt = at
    }
    if (best !== undefined) this.next = bestAt + 1
    return best
  }
}

const load = (member: Member): number => member.inFlight / member.weight

class PowerOfTwoChoices implements Policy {
  private readonly random: () => number

  constructor(random: () => number) {
    this.random = random
  }

  choose(members: readonly Member[], eligible: Eligible): Member | undefined {
    const first = this.pick(members, eligible, undefined)
    if (first === undefined) return undefined
    const second = this.pick(members, eligible, first)
    return second !== undefined && load(second) < load(first) ? second : first
  }

  /** A random eligible member other than one: the first from a random place on. */
  private pick(
    members: readonly Member[],
    eligible: Eligible,
    other: Member | undefined,
  ): Member | undefined {
    const start = Math.floor(this.random() * members.length)
    for (let step = 0; step < members.length; step++) {
      const member = members[(start + step) % members.length]!
      if (member !== other && eligible(member)) return member
    }
    return undefined
  }
}

/** Every member earns its weight at each choice; the richest one is chosen and pays the total. */
class SmoothWeighted implements Policy {
  choose(members: readonly Member[], eligible: Eligible): Member | undefined {
    let total = 0
    let best: Member | undefined
    for (const member of members) {
      if (!eligible(member)) continue
      member.credit += member.weight
      total += member.weight
      if (best === undefined || member.credit > best.credit) best = member
    }
    if (best !== undefined) best.credit -= total
    return best
  }
}

/** Highest random weight: adding or removing a member moves only that member's share of the keys. */
class Rendezvous implements Policy {
  private readonly fallback = new RoundRobin()

  choose(members: readonly Member[], eligible: Eligible, key: () => string | undefined): Member | undefined {
    const text = key()
    if (text === undefined) return this.fallback.choose(members, eligible)
    const limit = this.limit(members, eligible)
    let best: Member | undefined
    let bestScore = -1
    for (const member of members) {
      if (!eligible(member) || member.inFlight >= limit) continue
      const score = scoreOf(text, member)
      if (score <= bestScore) continue
      best = member
      bestScore = score
    }
    return best
  }

  private limit(members: readonly Member[], eligible: Eligible): number {
    let inFlight = 1
    let count = 0
    for (const member of members) {
      if (!eligible(member)) continue
      inFlight += member.inFlight
      count++
    }
    return Math.ceil((inFlight / Math.max(1, count)) * HASH_LOAD_BOUND)
  }
}

/** The member the key names. */
class Sticky implements Policy {
  private readonly fallback = new RoundRobin()

  choose(members: readonly Member[], eligible: Eligible, key: () => string | undefined): Member | undefined {
    const id = key()
    const named = id === undefined ? undefined : members.find((member) => stickyId(member.id) === id)
    if (named !== undefined && eligible(named)) return named
    return this.fallback.choose(members, eligible)
  }
}

/** Weighted rendezvous score, in (0, ∞): −weight ÷ ln(hash as a fraction). */
function scoreOf(key: string, member: Member): number {
  const fraction = (Bun.hash.xxHash32(`${member.id}\0${key}`) + 0.5) / 2 ** 32
  return -member.weight / Math.log(fraction)
}
