import type { Backend, DrainReport, GenerationId, Router } from '../../src/contract/router.ts'

/** A small router in this process: round robin over the serving backends. */
export class LocalRouter implements Router {
  readonly #backends = new Map<GenerationId, readonly Backend[]>()
  readonly #inFlight = new Map<GenerationId, number>()
  #serving: GenerationId | undefined
  #turn = 0

  async prepare(generation: GenerationId, backends: readonly Backend[]): Promise<void> {
    this.#backends.set(generation, backends)
  }

  async cut(generation: GenerationId): Promise<void> {
    this.#serving = generation
  }

  async drain(generation: GenerationId, { signal }: { readonly signal: AbortSignal }): Promise<DrainReport> {
    while (this.#count(generation) > 0 && !signal.aborted) await Bun.sleep(5)
    return { abandoned: this.#count(generation) }
  }

  get backends(): readonly Backend[] {
    return this.#serving === undefined ? [] : (this.#backends.get(this.#serving) ?? [])
  }

  async fetch(path: string): Promise<Response> {
    const generation = this.#serving
    const backend = this.backends[this.#turn++ % Math.max(1, this.backends.length)]
    if (generation === undefined || backend === undefined) throw new Error('no backend')
    this.#inFlight.set(generation, this.#count(generation) + 1)
    try {
      const response = await fetch(`http://app${path}`, { unix: backend.socket, keepalive: false })
      return new Response(await response.arrayBuffer(), response)
    } finally {
      this.#inFlight.set(generation, this.#count(generation) - 1)
    }
  }

  #count(generation: GenerationId): number {
    return this.#inFlight.get(generation) ?? 0
  }
}
