import { ROUTING_RETRY_CAP_MS, ROUTING_RETRY_MS } from '../contract/defaults.ts'
import type { GenerationId } from '../contract/router.ts'

/** What the router is told, one thing at a time. */
export interface RouterOrder {
  readonly token: number
  readonly type: 'prepare' | 'cut'
  readonly generation: GenerationId
  /** Backends that are declared. */
  readonly ids: ReadonlySet<string>
}

/** What the router knows, as far as it has acknowledged it. Decides nothing. */
export class Routing {
  #online = false
  #cut: GenerationId | undefined = undefined
  readonly #published = new Map<GenerationId, ReadonlySet<string>>()
  readonly #uncertain = new Set<GenerationId>()
  #pending: RouterOrder | undefined = undefined
  #failures = 0
  #retryMs = 0

  /** There is a router to talk to. */
  get online(): boolean {
    return this.#online
  }

  /** The generation that gets new requests, as acknowledged; undefined when that is not certain. */
  get cut(): GenerationId | undefined {
    return this.#cut
  }

  /** Backends the router may be using, by generation. */
  get published(): ReadonlyMap<GenerationId, ReadonlySet<string>> {
    return this.#published
  }

  /** When the router is told something again after it has failed. */
  get retryMs(): number {
    return this.#retryMs
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures
  }

  mayOrder(nowMs: number): boolean {
    return this.#online && this.#pending === undefined && nowMs >= this.#retryMs
  }

  /** A switch to the generation has been ordered and can no longer be taken back. */
  isCuttingTo(generation: GenerationId | undefined): boolean {
    return this.#pending?.type === 'cut' && this.#pending.generation === generation
  }

  order(order: RouterOrder): void {
    this.#pending = order
  }

  /** The answer to the order with this token: returns the order, which is no longer pending; undefined when it is late. */
  answered(token: number): RouterOrder | undefined {
    if (this.#pending?.token !== token) return undefined
    const order = this.#pending
    this.#pending = undefined
    return order
  }

  /** @param isAlive whether the generation still has workers; of others nothing is remembered */
  acknowledged({ type, generation, ids }: RouterOrder, isAlive: boolean): void {
    this.#failures = 0
    if (type === 'cut') {
      this.#cut = generation
      return
    }
    if (isAlive) this.#published.set(generation, ids)
    this.#uncertain.delete(generation)
  }

  /** The order may have been followed or not: what the router knows is uncertain until it is told again. */
  failed({ type, generation, ids }: RouterOrder, isAlive: boolean, nowMs: number): void {
    if (isAlive) {
      this.#published.set(generation, new Set([...(this.#published.get(generation) ?? []), ...ids]))
      this.#uncertain.add(generation)
    }
    if (type === 'cut') this.#cut = undefined
    this.#retryMs = nowMs + Math.min(ROUTING_RETRY_CAP_MS, ROUTING_RETRY_MS * 2 ** this.#failures)
    this.#failures += 1
  }

  /** The router may have switched without our having heard of it. */
  distrustCut(): void {
    this.#cut = undefined
  }

  /** The generation will not be routed to again. */
  forget(generation: GenerationId): void {
    this.#published.delete(generation)
    this.#uncertain.delete(generation)
  }

  /** The router is new and knows nothing, or is gone. */
  reset(online: boolean): void {
    this.#online = online
    this.#pending = undefined
    this.#cut = undefined
    this.#published.clear()
    this.#uncertain.clear()
    this.#failures = 0
    this.#retryMs = 0
  }

  /** The router is known to use these backends for the generation, and no others. */
  uses(generation: GenerationId, ids: readonly string[]): boolean {
    const known = this.#published.get(generation)
    if (known === undefined || this.#uncertain.has(generation)) return false
    return known.size === ids.length && ids.every((id) => known.has(id))
  }

  /** The router is known to use so many backends for the generation. */
  usesAsMany(generation: GenerationId, count: number): boolean {
    return this.#published.get(generation)?.size === count && !this.#uncertain.has(generation)
  }

  /** The router may send requests to the backend: it was told to, or is just being told to. */
  mayUse(generation: GenerationId, id: string): boolean {
    if (this.#uncertain.has(generation) || this.#published.get(generation)?.has(id) === true) return true
    return this.#pending?.generation === generation && this.#pending.ids.has(id)
  }

  /** The router sends requests elsewhere, or there is none. */
  isCutAwayFrom(generation: GenerationId): boolean {
    if (!this.#online) return true
    if (this.isCuttingTo(generation)) return false
    return this.#cut !== undefined && this.#cut !== generation
  }
}
