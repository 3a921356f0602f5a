import type { BalancerStatus } from '@rip/balancer'
import type { AdminClient } from '@rip/balancer/supervisor'
import type { GenerationId } from '@rip/manager'

/** How long an answer is waited for after the question, and at least at each look while that is open. */
const PATIENCE_MS = 300
const LATER_MS = 20

type Compared = Awaited<ReturnType<AdminClient['compare']>>

/**
 * The counts of one balancer. One that stands still is waited for only briefly, and asked again only once it has answered:
 * until then its last counts stand in for it.
 */
export class BalancerCounts {
  readonly #admin: AdminClient
  readonly #status = new LastAnswer<BalancerStatus>()
  readonly #metrics = new LastAnswer<string>()
  #comparison = new LastAnswer<Compared>()
  #comparedWith: GenerationId | undefined

  constructor(admin: AdminClient) {
    this.#admin = admin
  }

  /** `undefined` while it has never answered. */
  status(): Promise<BalancerStatus | undefined> {
    return this.#status.ask(() => this.#admin.status())
  }

  /** Its metrics, as Prometheus text; `undefined` while it has never answered. */
  metrics(): Promise<string | undefined> {
    return this.#metrics.ask(() => this.#admin.metrics())
  }

  /** Whether it has answered the last question for its metrics. */
  get answersMetrics(): boolean {
    return this.#metrics.isCurrent
  }

  /** See {@link AdminClient.compare}; `undefined` while it has not answered for this generation. */
  compare(before: GenerationId, forMs: number): Promise<Compared | undefined> {
    if (before !== this.#comparedWith) this.#comparison = new LastAnswer()
    this.#comparedWith = before
    return this.#comparison.ask(() => this.#admin.compare(before, forMs))
  }
}

/** What was answered last, and the question that is open. */
class LastAnswer<T> {
  #value: T | undefined
  #open: Promise<void> | undefined
  #openedMs = 0
  #isAnswered = false

  /** Whether the last question was answered. */
  get isCurrent(): boolean {
    return this.#open === undefined && this.#isAnswered
  }

  async ask(question: () => Promise<T>): Promise<T | undefined> {
    if (this.#open === undefined) this.#openedMs = performance.now()
    this.#open ??= this.#keep(question())
    const waitedMs = performance.now() - this.#openedMs
    await Promise.race([this.#open, Bun.sleep(Math.max(LATER_MS, PATIENCE_MS - waitedMs))])
    return this.#value
  }

  async #keep(answer: Promise<T>): Promise<void> {
    try {
      this.#value = await answer
      this.#isAnswered = true
    } catch {
      this.#isAnswered = false
      // It has gone, or leaves: what it counted last remains.
    } finally {
      this.#open = undefined
    }
  }
}
