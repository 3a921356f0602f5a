import type { PoolClock } from './clock.ts'

/** How a drain ended. */
export interface DrainResult {
  readonly generation: string
  /** Requests that were still in flight when the drain was given up. */
  readonly abandoned: number
  readonly elapsedMs: number
}

interface Drain {
  readonly generation: string
  readonly startedAtMs: number
  readonly resolve: (result: DrainResult) => void
}

/** Who waits for a generation to have nothing in flight. */
export class Drains {
  private readonly clock: PoolClock
  private readonly inFlight: (generation: string) => number
  private readonly pending = new Set<Drain>()

  constructor(clock: PoolClock, inFlight: (generation: string) => number) {
    this.clock = clock
    this.inFlight = inFlight
  }

  /** Resolves when nothing of the generation is in flight, or when the signal aborts. */
  begin(generation: string, signal: AbortSignal): Promise<DrainResult> {
    const { promise, resolve } = Promise.withResolvers<DrainResult>()
    const drain: Drain = { generation, startedAtMs: this.clock.nowMs(), resolve }
    this.pending.add(drain)
    signal.addEventListener('abort', () => this.finish(drain), { once: true })
    if (signal.aborted) this.finish(drain)
    this.settle()
    return promise
  }

  /** A request has ended. */
  settle(): void {
    for (const drain of this.pending) if (this.inFlight(drain.generation) === 0) this.finish(drain)
  }

  /** Nobody waits any longer. */
  giveUp(): void {
    for (const drain of this.pending) this.finish(drain)
  }

  private finish(drain: Drain): void {
    if (!this.pending.delete(drain)) return
    const { generation, startedAtMs, resolve } = drain
    const abandoned = this.inFlight(generation)
    resolve({ generation, abandoned, elapsedMs: this.clock.nowMs() - startedAtMs })
  }
}
