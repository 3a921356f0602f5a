import { fractionOf, keyHash } from './key-hash.ts'
import type { Claimant } from './claim.ts'
import type { LearnedKeys } from './learned-keys.ts'
import type { Eligible, PooledBackend } from './pooled-backend.ts'
import { PerList } from './per-list.ts'
import type { StickyNames } from './sticky-names.ts'
import { Turns } from './turns.ts'
import { WeightedDraw } from './weighted-draw.ts'

export const POLICIES = [
  'round-robin',
  'least-requests',
  'p2c',
  'weighted',
  'hash',
  'sticky',
  'learn',
] as const

/**
 * How a backend is chosen among those with free capacity. In each of them weights are shares.
 *
 * - `round-robin`: one after the other, evenly spread.
 * - `least-requests`: one with the fewest requests in flight for its weight; among equals round robin.
 * - `p2c`: of two random ones the first, unless the other would have less to do for its weight.
 * - `weighted`: another name of `round-robin`.
 * - `hash`: the same key goes to the same backend (rendezvous) until that one is full; without a key round robin.
 * - `sticky`: the one the client's cookie names; round robin for clients that have none, or when that backend takes nothing.
 * - `learn`: the one that gave the value of a field, such as a session's id, in a response; otherwise round robin.
 */
export type PolicyName = (typeof POLICIES)[number]

/** What a client is recognised by; read only by policies that recognise clients. */
export type ClientKeys = Pick<Claimant, 'hashKey' | 'stickyNames' | 'learnedKey'>

export interface Policy {
  /** @param backends see {@link PerList} */
  choose(
    backends: readonly PooledBackend[],
    eligible: Eligible,
    client: ClientKeys,
  ): PooledBackend | undefined
}

export interface PolicyTools {
  /** A number in [0, 1). */
  readonly random: () => number
  readonly names: StickyNames
  readonly learned: LearnedKeys
}

export function createPolicy(name: PolicyName, { random, names, learned }: PolicyTools): Policy {
  if (name === 'least-requests') return new LeastRequests(random)
  if (name === 'p2c') return new PowerOfTwoChoices(random)
  if (name === 'hash') return new Rendezvous(random)
  if (name === 'sticky') return new Sticky(random, names)
  if (name === 'learn') return new Learned(random, learned)
  return new Turns(random)
}

/**
 * One of those that are no busier, for their weight, than the least busy one would be with one more request. Among them
 * it is the turn of the one that has had the fewest for its weight; one that was passed over makes up for one turn.
 */
class LeastRequests implements Policy {
  private readonly random: () => number
  private readonly begun = new PerList((backends) => this.begin(backends))
  private now = 0

  constructor(random: () => number) {
    this.random = random
  }

  choose(backends: readonly PooledBackend[], eligible: Eligible): PooledBackend | undefined {
    this.begun.of(backends)
    const bound = leastLoad(backends, eligible)
    let chosen: PooledBackend | undefined
    for (const backend of backends) {
      if (load(backend) >= bound || (chosen !== undefined && backend.turnAt >= chosen.turnAt)) continue
      if (eligible(backend)) chosen = backend
    }
    if (chosen !== undefined) this.giveTurn(chosen)
    return chosen
  }

  private begin(backends: readonly PooledBackend[]): true {
    for (const backend of backends) backend.turnAt = this.now + (1 - this.random()) / backend.weight
    return true
  }

  private giveTurn(backend: PooledBackend): void {
    const every = 1 / backend.weight
    this.now = Math.max(this.now, backend.turnAt)
    backend.turnAt = Math.max(backend.turnAt, this.now - every) + every
  }
}

const load = (backend: PooledBackend): number => backend.inFlight / backend.weight

const loadWithOneMore = (backend: PooledBackend): number => (backend.inFlight + 1) / backend.weight

/** How busy the least busy one would be with one more request. */
function leastLoad(backends: readonly PooledBackend[], eligible: Eligible): number {
  let least = Number.POSITIVE_INFINITY
  for (const backend of backends) {
    const would = loadWithOneMore(backend)
    if (would < least && eligible(backend)) least = would
  }
  return least
}

class PowerOfTwoChoices implements Policy {
  private readonly lots: WeightedDraw

  constructor(random: () => number) {
    this.lots = new WeightedDraw(random)
  }

  choose(backends: readonly PooledBackend[], eligible: Eligible): PooledBackend | undefined {
    const first = this.lots.draw(backends, eligible)
    if (first === undefined || first.inFlight === 0) return first
    const second = this.lots.draw(backends, eligible, first)
    return second !== undefined && loadWithOneMore(second) <= load(first) ? second : first
  }
}

/** Highest random weight: adding or removing a backend, or weight, moves only that share of the keys. */
class Rendezvous implements Policy {
  private readonly fallback: Turns

  constructor(random: () => number) {
    this.fallback = new Turns(random)
  }

  choose(
    backends: readonly PooledBackend[],
    eligible: Eligible,
    { hashKey }: ClientKeys,
  ): PooledBackend | undefined {
    if (hashKey === undefined) return this.fallback.choose(backends, eligible)
    const hash = keyHash(hashKey)
    let best: PooledBackend | undefined
    let bestScore = Number.NEGATIVE_INFINITY
    for (const backend of backends) {
      const score = Math.log(fractionOf(hash, backend.hash)) / backend.weight
      if (score <= bestScore || !eligible(backend)) continue
      best = backend
      bestScore = score
    }
    return best
  }
}

/** The backend that the client's cookie names; of several cookies the first one that names a backend that can take it. */
class Sticky implements Policy {
  private readonly fallback: Turns
  private readonly names: StickyNames

  constructor(random: () => number, names: StickyNames) {
    this.fallback = new Turns(random)
    this.names = names
  }

  choose(
    backends: readonly PooledBackend[],
    eligible: Eligible,
    { stickyNames }: ClientKeys,
  ): PooledBackend | undefined {
    for (const name of stickyNames) {
      const backend = this.names.find(backends, name)
      if (backend !== undefined && eligible(backend)) return backend
    }
    return this.fallback.choose(backends, eligible)
  }
}

/** The backend that answers for the value in the request's field. */
class Learned implements Policy {
  private readonly fallback: Turns
  private readonly learned: LearnedKeys
  private readonly byHash = new PerList((backends) => Map.groupBy(backends, ({ hash }) => hash.low))

  constructor(random: () => number, learned: LearnedKeys) {
    this.fallback = new Turns(random)
    this.learned = learned
  }

  choose(
    backends: readonly PooledBackend[],
    eligible: Eligible,
    { learnedKey }: ClientKeys,
  ): PooledBackend | undefined {
    const known = learnedKey === undefined ? undefined : this.find(backends, learnedKey)
    return known !== undefined && eligible(known) ? known : this.fallback.choose(backends, eligible)
  }

  private find(backends: readonly PooledBackend[], key: string): PooledBackend | undefined {
    const learned = this.learned.find(key)
    if (learned === undefined) return undefined
    return this.byHash
      .of(backends)
      .get(learned.low)
      ?.find(({ hash }) => hash.high === learned.high)
  }
}
