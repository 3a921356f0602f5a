import type { Manager } from '../contract/manager-api.ts'
import type { ManagerEvent } from '../contract/events.ts'
import { EVENT_HISTORY } from './protocol.ts'

/** The latest events, and those to come. */
export class EventHistory implements AsyncDisposable {
  readonly #events: ManagerEvent[] = []
  readonly #abort = new AbortController()
  readonly #collecting: Promise<void>
  #changed = Promise.withResolvers<void>()
  #ended = false

  constructor(manager: Pick<Manager, 'events'>) {
    this.#collecting = this.#collect(manager.events({ signal: this.#abort.signal }))
  }

  /** Number of the latest event; 0 before the first. */
  get latest(): number {
    return this.#events.at(-1)?.seq ?? 0
  }

  /** Events with a number above `since` that are still kept; ends after them unless it is to follow. */
  async *read(
    since: number,
    options: { readonly follow: boolean; readonly signal: AbortSignal },
  ): AsyncGenerator<ManagerEvent> {
    let seen = since
    const aborted = new Promise<void>((resolve) =>
      options.signal.addEventListener('abort', () => resolve(), { once: true }),
    )
    while (!options.signal.aborted) {
      const { promise: changed } = this.#changed
      const missed = seen > since ? this.#missedAfter(seen) : undefined
      if (missed !== undefined) yield missed
      for (const event of this.#events.filter((candidate) => candidate.seq > seen)) {
        seen = event.seq
        yield event
      }
      if (!options.follow || this.#ended) return
      await Promise.race([changed, aborted])
    }
  }

  /** A word about events that went while a reader was too slow. */
  #missedAfter(seq: number): ManagerEvent | undefined {
    const oldest = this.#events.find((event) => event.seq > seq)
    if (oldest === undefined || oldest.seq === seq + 1) return undefined
    const count = oldest.seq - seq - 1
    const message = `${count === 1 ? '1 event was' : `${count} events were`} dropped: this reader is too slow`
    return { seq: oldest.seq - 1, atMs: oldest.atMs, type: 'warning', message }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
    await this.#collecting
  }

  async #collect(events: AsyncIterable<ManagerEvent>): Promise<void> {
    for await (const event of events) {
      this.#events.push(event)
      if (this.#events.length > EVENT_HISTORY) this.#events.shift()
      this.#announce()
    }
    this.#ended = true
    this.#announce()
  }

  #announce(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers<void>()
    resolve()
  }
}
