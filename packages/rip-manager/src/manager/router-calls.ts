import {
  DEV_ROUTER_LEAVE_MS,
  ROUTER_GRACE_MS,
  ROUTER_LEAVE_MS,
  ROUTING_TIMEOUT_MS,
} from '../contract/defaults.ts'
import type { Backend, DrainReport, GenerationId } from '../contract/router.ts'
import type { Input } from '../machine/inputs.ts'
import type { Answer } from './answering.ts'
import type { ResolvedOptions } from './resolve-options.ts'

export interface RouterCallsOptions {
  readonly options: ResolvedOptions
  readonly answer: Answer
  readonly deliver: (input: Input) => void
  /** Resolves when no new connection can come. */
  readonly stopAccepting: () => Promise<void>
  /** Lets the router finish what it has; resolves with the requests it abandoned. */
  readonly routerLeaves: () => Promise<number>
}

/** Calls of the router, each with a time limit: a router that hangs is not awaited for ever. */
export class RouterCalls {
  readonly #host: RouterCallsOptions
  readonly #drains = new Map<GenerationId, AbortController>()

  constructor(host: RouterCallsOptions) {
    this.#host = host
  }

  prepare(token: number, generation: GenerationId, backends: readonly Backend[]): void {
    // The generation is wanted again: its drain is over, and nothing of it was abandoned.
    const drain = this.#drains.get(generation)
    this.#drains.delete(generation)
    drain?.abort()
    this.#routed(token, () => this.#host.options.router.prepare(generation, backends))
  }

  cut(token: number, generation: GenerationId): void {
    this.#routed(token, () => this.#host.options.router.cut(generation))
  }

  drain(generation: GenerationId, timeoutMs: number): void {
    const { clock, router } = this.#host.options
    const controller = new AbortController()
    this.#drains.get(generation)?.abort()
    this.#drains.set(generation, controller)
    const timer = clock.after(timeoutMs, () => controller.abort())
    const report = Promise.try(() => router.drain(generation, { signal: controller.signal }))
    this.#host.answer(this.#within(timeoutMs + ROUTER_GRACE_MS, report), (result) => {
      timer[Symbol.dispose]()
      const lasted = this.#drains.get(generation) === controller
      if (lasted) this.#drains.delete(generation)
      return { type: 'drained', generation, abandoned: lasted ? abandonedIn(result) : 0 }
    })
  }

  stopAccepting(): void {
    const { mode, machine } = this.#host.options
    const longestMs = mode === 'development' ? DEV_ROUTER_LEAVE_MS : ROUTER_LEAVE_MS
    const patienceMs = Math.min(longestMs, machine.stopTimeoutMs / 2)
    const left = this.#leave(patienceMs)
    this.#host.answer(this.#within(patienceMs, left), () => ({ type: 'accepting-stopped' }))
    this.#host.answer(left, (abandoned) => ({
      type: 'router-left',
      abandoned: abandoned instanceof Error ? 0 : abandoned,
    }))
  }

  /** Ends all drains under way. */
  abort(): void {
    for (const controller of this.#drains.values()) controller.abort()
  }

  async #leave(patienceMs: number): Promise<number> {
    // A router that does not answer is told to leave anyway.
    await this.#within(
      patienceMs,
      Promise.try(() => this.#host.stopAccepting()),
    ).catch(() => {})
    this.#host.deliver({ type: 'doors-closed' })
    return await this.#host.routerLeaves()
  }

  #routed(token: number, order: () => Promise<void>): void {
    this.#host.answer(this.#within(ROUTING_TIMEOUT_MS, Promise.try(order)), (result) => ({
      type: 'routed',
      token,
      error: result instanceof Error ? result : undefined,
    }))
  }

  async #within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>()
    const late = (): void => reject(new Error(`no answer within ${timeoutMs} ms`))
    using _timer = this.#host.options.clock.after(timeoutMs, late)
    return await Promise.race([work, promise])
  }
}

function abandonedIn(result: DrainReport | Error): number {
  return result instanceof Error ? 0 : result.abandoned
}
