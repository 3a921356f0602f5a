import { DIAL_TIMEOUT_MS } from '../defaults.ts'
import type { GenerationTallies } from '../metrics/generation-tallies.ts'
import type { GenerationComparison } from '../metrics/lot-tally.ts'
import type { BackendSpec } from '../pool/pooled-backend.ts'
import type { GenerationDrainReport } from '../pool/drains.ts'
import type { Pool } from '../pool/pool.ts'
import type { PoolStatus } from '../pool/pool-status.ts'
import type { Reach } from '../pool/reach.ts'
import type { BackendDrained } from './admin-protocol.ts'
import type { AdminPool } from './admin-server.ts'

/**
 * A pool as the admin API changes it: the backends of a generation that does not serve yet are dialled before
 * `prepare` is acknowledged, so that those that cannot be reached are known, and put aside, before the cut.
 */
export class DiallingPool implements AdminPool {
  private readonly pool: Pool
  private readonly tallies: GenerationTallies
  private readonly reach: Reach

  constructor(pool: Pool, tallies: GenerationTallies, reach: Reach) {
    this.pool = pool
    this.tallies = tallies
    this.reach = reach
  }

  poolStatus(): PoolStatus {
    return this.pool.status()
  }

  async prepare(generation: string | undefined, specs: readonly BackendSpec[]): Promise<void> {
    const fresh = this.pool.prepare(generation, specs)
    if (generation === this.pool.generation) return
    await Promise.all(
      fresh.map(async (backend) => {
        const { reached, failure, reason } = await this.reach(backend.address, DIAL_TIMEOUT_MS)
        if (!reached && failure !== 'local-failure') this.pool.putAside(backend, reason)
      }),
    )
  }

  cut(generation: string | undefined): void {
    this.pool.cut(generation)
  }

  compare(generation: string, forMs: number): GenerationComparison {
    return this.tallies.compared(this.pool.compare(generation, forMs), generation)
  }

  drainBackend(id: string, by: string): BackendDrained {
    return { inFlight: this.pool.drainBackend(id, by) }
  }

  undrainBackend(id: string, by: string): void {
    this.pool.undrainBackend(id, by)
  }

  drain(generation: string, signal: AbortSignal): Promise<GenerationDrainReport> {
    return this.pool.drain(generation, signal)
  }
}
