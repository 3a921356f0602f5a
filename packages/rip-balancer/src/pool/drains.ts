import type { PoolClock } from './clock.ts'

/** How a drain ended. */
export interface DrainResult {
  readonly generation: string
  /** Requests, tunnels and event streams that had not ended when the drain was given up. */
  readonly abandoned: number
  readonly elapsedMs: number
}

interface Drain {
  readonly generation: string
  readonly startedAtMs: number
  readonly resolve: (result: DrainResult) => void
}

/** Who waits for a generation to be done: no request, tunnel or event stream is left. */
export class Drains {
  private readonly clock: PoolClock
  private readonly unfinished: (generation: string) => number
  private readonly pending = new Set<Drain>()

  constructor(clock: PoolClock, unfinished: (generation: string) => number) {
    this.clock = clock
    this.unfinished = unfinished
  }

  /** Resolves when the generation is done, or when the signal aborts. */
  begin(generation: string, signal: AbortSignal): Promise<DrainResult> {
    const { promise, resolve } = Promise.withResolvers<DrainResult>()
    const drain: Drain = { generation, startedAtMs: this.clock.nowMs(), resolve }
    this.pending.add(drain)
    signal.addEventListener('abort', () => this.finish(drain), { once: true })
    if (signal.aborted) this.finish(drain)
    this.settle()
    return promise
  }

  /** Something has ended. */
  settle(): void {
    for (const drain of this.pending) if (this.unfinished(drain.generation) === 0) this.finish(drain)
  }

  /** Nobody waits any longer. */
  giveUp(): void {
    for (const drain of this.pending) this.finish(drain)
  }

  private finish(drain: Drain): void {
    if (!this.pending.delete(drain)) return
    const { generation, startedAtMs, resolve } = drain
    const abandoned = this.unfinished(generation)
    resolve({ generation, abandoned, elapsedMs: this.clock.nowMs() - startedAtMs })
  }
}
