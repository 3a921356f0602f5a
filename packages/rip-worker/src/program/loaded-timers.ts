import type { AsyncLocalStorage } from 'node:async_hooks'
import * as own from '../own-timers.ts'

type Callback = (...values: unknown[]) => unknown

/** `_destroyed` is true when the timer was cleared, closed or disposed of, and false again after a `refresh()`. */
type Timer = NodeJS.Timeout & { readonly _destroyed?: boolean }

type SetTimer = (callback: Callback, delayMs?: number, ...values: unknown[]) => Timer

/**
 * Timers that an application sets up while it is loaded, and those that they set up in turn: jobs, as opposed to timers
 * of requests. While `isResting` they rest: an interval and a `Bun.cron` skip their turns, a timeout is held. They
 * remain timers of the runtime, so that everything the runtime offers works on them.
 */
export class LoadedTimers implements Disposable {
  readonly #isResting: () => boolean
  /** Set in all code that such a timer runs. Created with the first one, because it costs a worker two megabytes. */
  #inTurn: AsyncLocalStorage<true> | undefined
  /** The callbacks of held timeouts. */
  readonly #held = new Map<Timer, () => void>()
  readonly #setTimeout = this.#imitate(own.setTimeout, (callback, delayMs, values) =>
    this.#startTimeout(callback, delayMs, values),
  )
  readonly #setInterval = this.#imitate(own.setInterval, (callback, delayMs, values) =>
    this.#startInterval(callback, delayMs, values),
  )
  readonly #ownCron: typeof Bun.cron = Bun.cron
  readonly #cron: typeof Bun.cron = this.#imitateCron()
  #state: 'loading' | 'settled' | 'disposed' = 'loading'

  /** From now on all timers are taken to be the application's. */
  constructor(isResting: () => boolean) {
    this.#isResting = isResting
    globalThis.setTimeout = this.#setTimeout
    globalThis.setInterval = this.#setInterval
    Reflect.set(Bun, 'cron', this.#cron)
  }

  /**
   * The application is loaded: timers set up from now on belong to requests, unless one of these timers sets them up.
   */
  settle(): void {
    if (this.#state === 'loading') this.#state = 'settled'
  }

  /** Lets held timeouts go off, and all others go on. */
  wake(): void {
    for (const timer of this.#held.keys()) own.setTimeout(() => this.#goOff(timer), 0)
  }

  /** Puts the runtime's timers back. */
  [Symbol.dispose](): void {
    this.#state = 'disposed'
    // Other code may have replaced these functions by its own, which call them.
    if (globalThis.setTimeout === this.#setTimeout) globalThis.setTimeout = own.setTimeout
    if (globalThis.setInterval === this.#setInterval) globalThis.setInterval = own.setInterval
    if (Bun.cron === this.#cron) Reflect.set(Bun, 'cron', this.#ownCron)
    this.wake()
  }

  get #isConcerned(): boolean {
    if (this.#state === 'loading') return true
    return this.#state === 'settled' && this.#inTurn?.getStore() === true
  }

  get #rests(): boolean {
    return this.#state === 'settled' && this.#isResting()
  }

  #startInterval(callback: Callback, delayMs: number | undefined, values: unknown[]): Timer {
    const timer: Timer = (own.setInterval as SetTimer)(() => {
      if (!this.#rests) this.#run(() => Reflect.apply(callback, timer, values))
    }, delayMs)
    return timer
  }

  #startTimeout(callback: Callback, delayMs: number | undefined, values: unknown[]): Timer {
    const goOff = (): void => void this.#run(() => Reflect.apply(callback, timer, values))
    const timer: Timer = (own.setTimeout as SetTimer)(() => {
      if (this.#rests) return this.#hold(timer, goOff)
      this.#held.delete(timer)
      goOff()
    }, delayMs)
    return timer
  }

  #run(callback: () => unknown): unknown {
    this.#inTurn ??= new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)<true>()
    return this.#inTurn.run(true, callback)
  }

  #goOff(timer: Timer): void {
    const goOff = this.#held.get(timer)
    // It has gone off by itself, or has to rest again.
    if (goOff === undefined || this.#rests) return
    this.#held.delete(timer)
    if (timer._destroyed === true) return
    clearTimeout(timer)
    goOff()
  }

  /** Starts the timer anew, so that it can still be cleared, and checks again after its time whether it may go off. */
  #hold(timer: Timer, goOff: () => void): void {
    this.#held.set(timer, goOff)
    timer.refresh()
  }

  /** Leaves `Bun.cron` with the path of a module alone, because the scheduler of the system runs that. */
  #imitateCron(): typeof Bun.cron {
    const original = this.#ownCron as (...values: unknown[]) => unknown
    const imitation = (schedule: unknown, handler: unknown, ...rest: unknown[]): unknown => {
      if (!this.#isConcerned || typeof handler !== 'function') return original(schedule, handler, ...rest)
      const turnOf = (job: unknown): unknown =>
        // Bun awaits the promise before it plans the next turn.
        this.#rests ? undefined : this.#run(() => Reflect.apply(handler as Callback, job, []))
      const turn = function (this: unknown): unknown {
        return turnOf(this)
      }
      return original(schedule, turn, ...rest)
    }
    return Object.defineProperties(
      imitation,
      Object.getOwnPropertyDescriptors(this.#ownCron),
    ) as unknown as typeof Bun.cron
  }

  #imitate<Original extends typeof setTimeout | typeof setInterval>(
    original: Original,
    start: (callback: Callback, delayMs: number | undefined, values: unknown[]) => Timer,
  ): Original {
    const imitation: SetTimer = (callback, delayMs, ...values) => {
      // The runtime refuses what is no function.
      if (!this.#isConcerned || typeof callback !== 'function')
        return (original as SetTimer)(callback, delayMs, ...values)
      return start(callback, delayMs, values)
    }
    // Keeps the variant for `promisify`.
    return Object.defineProperties(imitation, Object.getOwnPropertyDescriptors(original)) as Original
  }
}
