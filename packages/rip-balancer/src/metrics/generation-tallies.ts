import type { EndCause, ExchangeRecord } from '../exchange/record.ts'

/** Answers of the backends of one generation since the balancer began. */
export interface GenerationTally {
  readonly generation: string
  readonly requests: number
  /** Of them, those with a 5xx status and those the backend cut off. */
  readonly errors: number
}

/** Generations that are remembered; the one that was served longest ago goes first. */
const MAX_GENERATIONS = 8

interface Count {
  requests: number
  errors: number
}

/** Counts exchanges by the generation of the backend that had them. */
export class GenerationTallies {
  private readonly counts = new Map<string, Count>()

  count({ generation, status, cause }: ExchangeRecord): void {
    if (generation === undefined || saysNothing.has(cause)) return
    const count = this.counts.get(generation) ?? this.add(generation)
    count.requests++
    if (status >= 500 || broken.has(cause)) count.errors++
  }

  all(): GenerationTally[] {
    return [...this.counts].map(([generation, count]) => ({ generation, ...count }))
  }

  private add(generation: string): Count {
    const count: Count = { requests: 0, errors: 0 }
    this.counts.set(generation, count)
    const [oldest] = this.counts.keys()
    if (this.counts.size > MAX_GENERATIONS && oldest !== undefined) this.counts.delete(oldest)
    return count
  }
}

/** Ends that are nobody's fault but the client's or ours. */
const saysNothing: ReadonlySet<EndCause> = new Set([
  'client-gone',
  'client-timeout',
  'closing',
  'local-failure',
])

/** A response that was cut has the status it began with. */
const broken: ReadonlySet<EndCause> = new Set(['backend-reset', 'bad-response', 'response-timeout'])
