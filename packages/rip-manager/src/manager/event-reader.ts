import { EVENT_BUFFER } from '../contract/defaults.ts'
import type { ManagerEvent } from '../contract/events.ts'

/** The events that one reader has yet to read; one that is too slow misses some, and is told so. */
export class EventReader implements AsyncIterableIterator<ManagerEvent> {
  readonly #onEnd: () => void
  readonly #buffer: ManagerEvent[] = []
  #dropped = 0
  #ended = false
  #changed = Promise.withResolvers<void>()

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
  }

  push(event: ManagerEvent): void {
    if (this.#buffer.length >= EVENT_BUFFER) this.#dropped += 1
    else this.#buffer.push(this.#withGap(event))
    this.#announce()
  }

  /** The first event that fits again is preceded by a warning about those that did not. */
  #withGap(event: ManagerEvent): ManagerEvent {
    if (this.#dropped === 0) return event
    const { seq, atMs } = event
    const message = `${this.#dropped} events were dropped: this reader is too slow`
    this.#buffer.push({ seq: seq - 1, atMs, type: 'warning', message })
    this.#dropped = 0
    return event
  }

  end(): void {
    this.#ended = true
    this.#onEnd()
    this.#announce()
  }

  /** More than one call of `next` may wait. */
  #announce(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers<void>()
    resolve()
  }

  async next(): Promise<IteratorResult<ManagerEvent>> {
    for (;;) {
      const event = this.#buffer.shift()
      if (event !== undefined) return { done: false, value: event }
      if (this.#ended) return { done: true, value: undefined }
      await this.#changed.promise
    }
  }

  async return(): Promise<IteratorResult<ManagerEvent>> {
    this.#buffer.length = 0
    this.end()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
