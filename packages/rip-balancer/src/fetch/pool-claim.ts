import type { AffinitySource, Affinity } from '../exchange/affinity.ts'
import type { Backend, Claimant, ClaimRefusal } from '../pool/claim.ts'
import type { Pool } from '../pool/pool.ts'

/** A claim one can wait for. */
export class PoolClaim implements Claimant, AffinitySource {
  readonly clientAddress: string
  /** Only requests without a body are sent again. */
  readonly isRepeatable: boolean
  lot = 0
  lotFailed = false
  readonly mayBeDrawn = true
  private readonly pool: Pool
  private readonly affinity: Affinity
  private readonly headers: Headers
  private waiting: PromiseWithResolvers<Backend | ClaimRefusal> | undefined

  constructor(pool: Pool, affinity: Affinity, { headers, body }: Request, clientAddress: string) {
    this.pool = pool
    this.affinity = affinity
    this.headers = headers
    this.isRepeatable = body === null
    this.clientAddress = clientAddress
  }

  get hashKey(): string | undefined {
    return this.affinity.key(this)
  }

  field(name: string): string | undefined {
    return this.headers.get(name) ?? undefined
  }

  granted(backend: Backend): void {
    this.waiting?.resolve(backend)
  }

  refused(reason: ClaimRefusal): void {
    this.waiting?.resolve(reason)
  }

  /** @throws the reason of the signal when it aborts while the claim waits */
  async take(signal: AbortSignal, tried: readonly Backend[]): Promise<Backend | ClaimRefusal> {
    signal.throwIfAborted()
    const answer = this.pool.claim(this, tried)
    if (answer !== 'queued') return answer
    const waiting = Promise.withResolvers<Backend | ClaimRefusal>()
    this.waiting = waiting
    const leave = (): void => {
      this.pool.withdraw(this)
      waiting.reject(signal.reason)
    }
    signal.addEventListener('abort', leave, { once: true })
    return waiting.promise.finally(() => signal.removeEventListener('abort', leave))
  }
}
