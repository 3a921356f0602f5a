import type { AffinitySource, HashKey } from '../forwarding/affinity.ts'
import type { LearnedField } from '../exchange/learned-field.ts'
import type { StickyCookie } from '../exchange/sticky-cookie.ts'
import type { Backend } from '../upstream/backend.ts'
import type { Claimant, ClaimRefusal } from '../pool/claim.ts'
import type { Pool } from '../pool/pool.ts'
import { isEventStreamType } from './event-stream-type.ts'

/** How requests find the backend that their client had before. */
export interface PoolAffinity {
  readonly hashKey: HashKey
  readonly sticky: StickyCookie | undefined
  readonly learned: LearnedField | undefined
}

/** What is known of a client from elsewhere than its request. */
export interface PoolClient {
  readonly address: string
  readonly scheme: AffinitySource['scheme']
}

/** A claim one can wait for. */
export class PoolClaim implements Claimant, AffinitySource {
  readonly clientAddress: string
  readonly scheme: AffinitySource['scheme']
  /** Only requests without a body are sent again. */
  readonly isRepeatable: boolean
  lot = 0
  lotFailed = false
  /** `fetch` carries none. */
  readonly asksForTunnel = false
  private readonly pool: Pool
  private readonly affinity: PoolAffinity
  private readonly headers: Headers
  private waiting: PromiseWithResolvers<Backend | ClaimRefusal> | undefined

  constructor(pool: Pool, affinity: PoolAffinity, { headers, body }: Request, client: PoolClient) {
    this.pool = pool
    this.affinity = affinity
    this.headers = headers
    this.isRepeatable = body === null
    this.clientAddress = client.address
    this.scheme = client.scheme
  }

  get expectsLongLife(): boolean {
    return isEventStreamType(this.headers.get('accept'))
  }

  get hashKey(): string | undefined {
    return this.affinity.hashKey(this)
  }

  get stickyNames(): readonly string[] {
    return this.affinity.sticky?.namesIn(this) ?? []
  }

  get learnedKey(): string | undefined {
    return this.affinity.learned?.keyIn(this)
  }

  /** Fields of one name come as one value; `Headers` joins cookies in their own way. */
  values(name: string): readonly string[] {
    const value = this.headers.get(name)
    return value === null ? [] : [value]
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
