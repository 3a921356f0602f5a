import { EVENT_BUFFER } from '../contract/defaults.ts'
import type { ManagerEvent, ManagerEventBody } from '../contract/events.ts'

type Type = ManagerEventBody['type']
type Listener = (event: ManagerEvent) => void

/** Numbers what happens and hands it to readers and listeners, in order. */
export class EventLog {
  readonly #wallMs: () => number
  readonly #listeners = new Map<Type, Set<Listener>>()
  readonly #readers = new Set<EventReader>()
  #seq = 0
  #closed = false

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs
  }

  emit(body: ManagerEventBody): void {
    const event: ManagerEvent = { seq: ++this.#seq, atMs: this.#wallMs(), ...body }
    for (const reader of this.#readers) reader.push(event)
    for (const listener of this.#listeners.get(body.type) ?? []) this.#call(listener, event)
  }

  on<T extends Type>(type: T, listener: (event: Extract<ManagerEvent, { type: T }>) => void): Disposable {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners)
    // The map hands out events of this type only.
    const entry: Listener = (event) => listener(event as Extract<ManagerEvent, { type: T }>)
    listeners.add(entry)
    return { [Symbol.dispose]: () => void listeners.delete(entry) }
  }

  /** Every event from now on, until the signal aborts or the log is closed. */
  read(signal?: AbortSignal): AsyncIterable<ManagerEvent> {
    const reader = new EventReader(() => this.#readers.delete(reader))
    if (this.#closed || signal?.aborted === true) reader.end()
    else this.#readers.add(reader)
    signal?.addEventListener('abort', () => reader.end(), { once: true })
    return reader
  }

  close(): void {
    this.#closed = true
    for (const reader of this.#readers) reader.end()
    this.#listeners.clear()
  }

  /** A listener that throws causes a warning, and harms no other listener. */
  #call(listener: Listener, event: ManagerEvent): void {
    try {
      listener(event)
    } catch (error) {
      if (event.type === 'warning') return
      this.emit({ type: 'warning', message: `a listener of "${event.type}" failed: ${String(error)}` })
    }
  }
}

/** One reader's buffer. */
class EventReader implements AsyncIterableIterator<ManagerEvent> {
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
