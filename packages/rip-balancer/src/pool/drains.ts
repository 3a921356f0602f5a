import type { PoolClock } from './clock.ts'

/** How a drain ended. */
export interface DrainReport {
  /** Requests, tunnels and event streams that were not finished when the deadline of the drain had passed. */
  readonly abandoned: number
  readonly elapsedMs: number
}

/** How the drain of one generation ended. */
export interface GenerationDrainReport extends DrainReport {
  readonly generation: string
}

interface Drain {
  readonly generation: string
  readonly startedAtMs: number
  readonly resolve: (report: GenerationDrainReport) => void
}

/** Drains that wait until a generation is done: no request, tunnel or event stream is left. */
export class Drains {
  private readonly clock: PoolClock
  private readonly unfinished: (generation: string) => number
  private readonly pending = new Set<Drain>()

  constructor(clock: PoolClock, unfinished: (generation: string) => number) {
    this.clock = clock
    this.unfinished = unfinished
  }

  /** Resolves when the generation is done, or when the signal aborts. */
  begin(generation: string, signal: AbortSignal): Promise<GenerationDrainReport> {
    const { promise, resolve } = Promise.withResolvers<GenerationDrainReport>()
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

  /** Ends all drains as they are. */
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
