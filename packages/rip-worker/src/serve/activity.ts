import type { ResumeHook, StandbyHook } from '../application/application.ts'
import { STANDBY_HOOK_MS } from '../defaults.ts'
import { setTimeout } from '../own-timers.ts'
import { describeFailure } from './failure.ts'

export interface ActivityOptions {
  readonly workerId: number
  readonly generation: string
  readonly onStandby?: StandbyHook | undefined
  readonly onResume?: ResumeHook | undefined
  readonly log: (text: string) => void
  /** How long standing by may take. @default 5 s */
  readonly patienceMs?: number
}

/**
 * Whether a worker is active or stands by, as told to the application. Hooks run one after the other, in the order of
 * the changes. A hook that fails is logged; a worker waits at most `STANDBY_HOOK_MS` for the application to stand by.
 */
export class Activity {
  readonly #options: ActivityOptions
  #state: 'new' | 'standby' | 'active' | 'ended' = 'new'
  #active = new AbortController()
  #resumed: Promise<void> = Promise.resolve()
  #stoodBy: Promise<void> = Promise.resolve()

  constructor(options: ActivityOptions) {
    this.#options = options
  }

  get isActive(): boolean {
    return this.#state === 'active'
  }

  /** Aborts when the worker stops to be active. Until then it stays the same, from before the first `resume()` on. */
  get signal(): AbortSignal {
    return this.#active.signal
  }

  /**
   * Every worker begins by standing by. An application without a `resume` hook is not told, because what it ended would
   * not begin again.
   */
  begin(): void {
    if (this.#state !== 'new') return
    this.#state = 'standby'
    if (this.#options.onResume !== undefined) this.#callStandby()
  }

  /** Calls the hook, which may run for as long as the worker is active. */
  resume(): void {
    if (this.#state !== 'standby') return
    this.#state = 'active'
    if (this.#active.signal.aborted) this.#active = new AbortController()
    const { onResume, workerId, generation } = this.#options
    const { signal } = this.#active
    // If the worker stands by again already, the hook is not called at all.
    const begin = (): unknown => (signal.aborted ? undefined : onResume?.({ workerId, generation, signal }))
    this.#resumed = this.#stoodBy.then(() => this.#run('resume', begin))
  }

  /** Resolves when the application has finished what it began and its hook, or has had its time. */
  standBy(): Promise<void> {
    if (this.#state !== 'active') return this.#stoodBy
    this.#state = 'standby'
    this.#active.abort()
    this.#callStandby()
    return this.#stoodBy
  }

  /** Stands by for good. */
  end(): Promise<void> {
    const stoodBy = this.standBy()
    this.#active.abort()
    this.#state = 'ended'
    return stoodBy
  }

  #callStandby(): void {
    const { onStandby, workerId, generation } = this.#options
    const resumed = this.#resumed
    const told = resumed.then(() => this.#run('standby', () => onStandby?.({ workerId, generation })))
    this.#stoodBy = this.#withinTime(told)
  }

  async #run(name: string, hook: () => unknown): Promise<void> {
    try {
      await hook()
    } catch (error) {
      this.#options.log(`the application's ${name}() failed: ${describeFailure(error)}`)
    }
  }

  async #withinTime(told: Promise<void>): Promise<void> {
    const { patienceMs = STANDBY_HOOK_MS, log } = this.#options
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      log(`the application does not stand by after ${patienceMs / 1000} s: its resume() or standby() goes on`)
      late.resolve()
    }, patienceMs)
    await Promise.race([told, late.promise])
    clearTimeout(timer)
  }
}
