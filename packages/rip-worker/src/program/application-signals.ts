import { describeFailure } from '../serve/failure.ts'
import { isStopSignal, STOP_SIGNALS, type StopSignal } from './stop-signals.ts'

type Listener = (signal: StopSignal, number: number) => unknown

/**
 * The application's listeners for signals to stop. Most of them end the process, so they are called only when the
 * requests in flight are finished.
 */
export class ApplicationSignals {
  readonly #kept: { readonly signal: StopSignal; readonly listener: Listener }[] = []

  /** Intercepts every listener for a signal to stop that is added from now on. */
  constructor() {
    process.on('newListener', (name: unknown, listener: Listener) => {
      // `newListener` is emitted before the listener is added.
      if (isStopSignal(name)) queueMicrotask(() => this.#keep(name, listener))
    })
  }

  #keep(signal: StopSignal, listener: Listener): void {
    process.removeListener(signal, listener)
    this.#kept.push({ signal, listener })
  }

  /** Whether the application listens for a signal. */
  has(signal: StopSignal): boolean {
    return this.#kept.some((kept) => kept.signal === signal)
  }

  /** Calls the listeners for one signal; resolves when what they return has settled, or when the time is up. */
  async tell(signal: StopSignal, timeoutMs: number): Promise<void> {
    if (this.has(signal)) await Promise.race([this.call(signal), Bun.sleep(timeoutMs)])
  }

  /** Calls the listeners for one signal; resolves when what they return has settled. */
  async call(signal: StopSignal): Promise<void> {
    const called = this.#kept.filter((kept) => kept.signal === signal)
    await Promise.all(called.map(({ listener }) => this.#call(listener, signal)))
  }

  async #call(listener: Listener, signal: StopSignal): Promise<void> {
    try {
      await listener.call(process, signal, STOP_SIGNALS[signal])
    } catch (error) {
      console.error(`a listener for ${signal} failed: ${describeFailure(error)}`)
    }
  }
}
