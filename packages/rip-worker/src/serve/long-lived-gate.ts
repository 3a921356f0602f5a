import { LIMIT_REPORT_PAUSE_MS } from '../defaults.ts'
import { clientNetwork } from './client-network.ts'

/** Body of the 503 for a WebSocket or an event stream over the limit. */
export const TOO_MANY_LONG_LIVED = 'Too many WebSockets and event streams are open'

export interface LongLivedGateOptions {
  /** WebSockets and event streams at the same time. */
  readonly limit: number
  /** The same of one client, if its address is known. */
  readonly limitPerAddress: number
  readonly log: (text: string) => void
}

type Limit = 'maxLongLived' | 'maxLongLivedPerAddress'

/**
 * Counts WebSockets and event streams. Their clients decide how long they last, so they take no place of `concurrency`
 * and have limits of their own.
 */
export class LongLivedGate {
  readonly #options: LongLivedGateOptions
  readonly #perClient = new Map<string, number>()
  readonly #toldAtMs = new Map<Limit, number>()
  #open = 0

  constructor(options: LongLivedGateOptions) {
    this.#options = options
  }

  /** Whether one more may begin. The log says which option refused it, once a minute. */
  admits(address: string | undefined): boolean {
    const { limit, limitPerAddress } = this.#options
    if (this.#open >= limit) return this.#refuse('maxLongLived', limit)
    if (address === undefined || this.#countOf(address) < limitPerAddress) return true
    return this.#refuse('maxLongLivedPerAddress', limitPerAddress)
  }

  /** One has begun. @returns what to call when it has ended; more calls do nothing */
  begin(address: string | undefined): () => void {
    this.#open++
    if (address !== undefined) this.#perClient.set(clientNetwork(address), this.#countOf(address) + 1)
    let ended = false
    return () => {
      if (!ended) this.#end(address)
      ended = true
    }
  }

  #end(address: string | undefined): void {
    this.#open--
    if (address === undefined) return
    const left = this.#countOf(address) - 1
    if (left > 0) this.#perClient.set(clientNetwork(address), left)
    else this.#perClient.delete(clientNetwork(address))
  }

  #countOf(address: string): number {
    return this.#perClient.get(clientNetwork(address)) ?? 0
  }

  #refuse(option: Limit, limit: number): false {
    const now = performance.now()
    if (now - (this.#toldAtMs.get(option) ?? Number.NEGATIVE_INFINITY) < LIMIT_REPORT_PAUSE_MS) return false
    this.#toldAtMs.set(option, now)
    this.#options.log(`a WebSocket or an event stream was refused with 503: ${option} is ${limit}`)
    return false
  }
}
