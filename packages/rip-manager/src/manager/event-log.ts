import type { ManagerEvent, ManagerEventBody } from '../contract/events.ts'
import { EventReader } from './event-reader.ts'

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
