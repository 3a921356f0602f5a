import type { PooledBackend } from './pooled-backend.ts'
import type { Eligible } from './pooled-backend.ts'
import type { Policy, PolicyName } from './policy.ts'

/**
 * For what lasts long: the backend that has the fewest tunnels, event streams and requests for its weight, round robin
 * among equals. So they are spread evenly, also after a backend was replaced and its clients came back. Requests count,
 * so that announcing a long life wins nothing.
 */
export class LeastHeld implements Policy {
  private next = 0

  choose(backends: readonly PooledBackend[], eligible: Eligible): PooledBackend | undefined {
    let best: PooledBackend | undefined
    let bestAt = 0
    for (let step = 0; step < backends.length; step++) {
      const at = (this.next + step) % backends.length
      const backend = backends[at]!
      if (best !== undefined && loadWithOneMore(backend) >= loadWithOneMore(best)) continue
      if (!eligible(backend)) continue
      best = backend
      bestAt = at
    }
    if (best !== undefined) this.next = bestAt + 1
    return best
  }
}

const loadWithOneMore = (backend: PooledBackend): number => (backend.underWay + 1) / backend.weight

/** Whether the policy says which client belongs to which backend, for whatever it asks. */
export function bindsClients(name: PolicyName): boolean {
  return name === 'hash' || name === 'sticky' || name === 'learn'
}
