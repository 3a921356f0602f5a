import type { AdminClient } from '@rip/balancer'
import type { Comparison, GenerationId, Observer, ResponseCounts } from '@rip/manager'

/** Tells how the workers of a generation answered, as balancer processes count it. */
export class BalancerObserver implements Observer {
  readonly #balancers: readonly AdminClient[]

  constructor(balancers: readonly AdminClient[]) {
    this.#balancers = balancers
  }

  async read(generation: GenerationId): Promise<ResponseCounts> {
    const statuses = await Promise.all(this.#balancers.map((balancer) => balancer.status()))
    const own = statuses
      .flatMap(({ generations }) => generations)
      .filter((tally) => tally.generation === generation)
    return {
      requests: own.reduce((sum, { requests }) => sum + requests, 0),
      errors: own.reduce((sum, { errors }) => sum + errors, 0),
    }
  }

  async compare(before: GenerationId, forMs: number): Promise<Comparison> {
    const all = await Promise.all(this.#balancers.map((balancer) => balancer.compare(before, forMs)))
    return {
      kinds: all.flatMap(({ kinds }) => kinds),
      clients: all.flatMap(({ clients }) => clients),
    }
  }
}
