import { GATE_POLL_MS } from '../defaults.ts'
import { setInterval } from '../own-timers.ts'

export interface ConcurrencyGateOptions {
  /** Requests let through at the same time. */
  readonly limit: number
  readonly maxWaiting: number
  /**
   * Requests in flight by the count of the transport, those waiting here included, WebSockets and event streams not.
   */
  readonly active: () => number
}

/** How waiting ended: with a place, because the client left, or at once because too many wait already. */
export type GateOutcome = 'entered' | 'left' | 'refused'

/**
 * A first-in first-out queue in front of the application. A place is taken until the last byte of a response was handed
 * over. Only the transport knows when that is; so the gate asks it, again and again while a request waits.
 */
export class ConcurrencyGate {
  readonly #options: ConcurrencyGateOptions
  readonly #waiting: ((outcome: GateOutcome) => void)[] = []
  #poll: NodeJS.Timeout | undefined

  constructor(options: ConcurrencyGateOptions) {
    this.#options = options
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Whether a request that has just arrived, and is counted as active, must wait. */
  mustWait(): boolean {
    return this.#waiting.length > 0 || this.#options.active() > this.#options.limit
  }

  wait(signal: AbortSignal): Promise<GateOutcome> {
    if (this.#waiting.length >= this.#options.maxWaiting) return Promise.resolve('refused')
    this.#poll ??= setInterval(() => this.#admit(), GATE_POLL_MS)
    return new Promise((resolve) => {
      const leave = (): void => this.#leave(settle)
      const settle = (outcome: GateOutcome): void => {
        signal.removeEventListener('abort', leave)
        resolve(outcome)
      }
      signal.addEventListener('abort', leave)
      this.#waiting.push(settle)
    })
  }

  /** Call when an answer was given to the transport: a place may be free as soon as it has been sent. */
  answered(): void {
    if (this.#waiting.length > 0) setImmediate(() => this.#admit())
  }

  #admit(): void {
    while (this.#waiting.length > 0 && this.#running() < this.#options.limit)
      this.#waiting.shift()?.('entered')
    this.#stopPolling()
  }

  #running(): number {
    return this.#options.active() - this.#waiting.length
  }

  #leave(settle: (outcome: GateOutcome) => void): void {
    const position = this.#waiting.indexOf(settle)
    if (position === -1) return
    this.#waiting.splice(position, 1)
    settle('left')
    this.#stopPolling()
  }

  #stopPolling(): void {
    if (this.#waiting.length > 0) return
    clearInterval(this.#poll)
    this.#poll = undefined
  }
}
