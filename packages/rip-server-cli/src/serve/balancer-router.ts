import type { AdminClient } from '@rip/balancer'
import type { Backend, DrainReport, GenerationId, Router } from '@rip/manager'

/** Longest drain that is asked for; the manager's signal ends it earlier. */
const MAX_DRAIN_MS = 86_400_000

/** Routes through balancer processes; every promise resolves when each of them has acknowledged. */
export class BalancerRouter implements Router {
  readonly #balancers: readonly AdminClient[]

  constructor(balancers: readonly AdminClient[]) {
    this.#balancers = balancers
  }

  async prepare(generation: GenerationId, backends: readonly Backend[]): Promise<void> {
    const declared = backends.map(({ id, socket, maxInFlight }) => {
      return { id, address: `unix:${socket}`, maxInFlight }
    })
    await Promise.all(this.#balancers.map((balancer) => balancer.prepare(generation, declared)))
  }

  async cut(generation: GenerationId): Promise<void> {
    await Promise.all(this.#balancers.map((balancer) => balancer.cut(generation)))
  }

  async drain(generation: GenerationId, { signal }: { readonly signal: AbortSignal }): Promise<DrainReport> {
    const reports = await Promise.all(
      this.#balancers.map((balancer) => balancer.drain(generation, MAX_DRAIN_MS, signal)),
    )
    const abandoned = reports.reduce((sum, report) => sum + report.abandoned, 0)
    return { abandoned }
  }
}
