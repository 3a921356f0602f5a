import type { AsyncLocalStorage } from 'node:async_hooks'
import * as own from '../own-timers.ts'

type Callback = (...values: unknown[]) => unknown

/** `_destroyed` is true when the timer was cleared, closed or disposed of, and false again after a `refresh()`. */
type Timer = NodeJS.Timeout & { readonly _destroyed?: boolean }

type SetTimer = (callback: Callback, delayMs?: number, ...values: unknown[]) => Timer

/**
 * Timers an application sets up while it is loaded, and those they set up in turn: jobs, as opposed to what requests
 * set up. While `isResting` they rest: an interval and a `Bun.cron` skip their turns, a timeout is held. They remain timers of the
 * runtime, so that all that can be done with those can be done with them.
 */
export class LoadedTimers implements Disposable {
  readonly #isResting: () => boolean
  /** Set in whatever runs because of such a timer. Made for the first one: it costs a worker two megabytes. */
  #inTurn: AsyncLocalStorage<true> | undefined
  /** What held timeouts are about to do. */
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

  /** The application is loaded: what is set up from now on is somebody else's, unless one of these does it. */
  settle(): void {
    if (this.#state === 'loading') this.#state = 'settled'
  }

  /** Held timeouts go off, all others go on. */
  wake(): void {
    for (const timer of this.#held.keys()) own.setTimeout(() => this.#goOff(timer), 0)
  }

  /** Timers are left alone. */
  [Symbol.dispose](): void {
    this.#state = 'disposed'
    // Others may have put theirs in place of these, and call them.
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

  /** Started anew it is still one that can be cleared, and looks again after its time whether a request needs it. */
  #hold(timer: Timer, goOff: () => void): void {
    this.#held.set(timer, goOff)
    timer.refresh()
  }

  /** What it hands to the scheduler of the system, a module by its path, is no business of this process. */
  #imitateCron(): typeof Bun.cron {
    const original = this.#ownCron as (...values: unknown[]) => unknown
    const imitation = (schedule: unknown, handler: unknown, ...rest: unknown[]): unknown => {
      if (!this.#isConcerned || typeof handler !== 'function') return original(schedule, handler, ...rest)
      const turnOf = (job: unknown): unknown =>
        // Its promise is waited for before the next turn is planned.
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
      // What is no function is refused by the runtime.
      if (!this.#isConcerned || typeof callback !== 'function')
        return (original as SetTimer)(callback, delayMs, ...values)
      return start(callback, delayMs, values)
    }
    // With its variant for `promisify`.
    return Object.defineProperties(imitation, Object.getOwnPropertyDescriptors(original)) as Original
  }
}
