import type { Manager, ManagerStatus } from '@rip/manager'

/** Of answers over a minute. */
const LOOK_EVERY_MS = 5_000

export interface FailureWatchOptions {
  readonly status: () => Promise<ManagerStatus>
  readonly manager: Pick<Manager, 'tellFailing'>
}

/** Looks now and then whether many answers fail, and has the manager say so when that begins and when it ends. */
export class FailureWatch implements Disposable {
  readonly #options: FailureWatchOptions
  readonly #timer: ReturnType<typeof setInterval>
  #isDisposed = false

  constructor(options: FailureWatchOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS)
    this.#timer.unref()
  }

  async look(): Promise<void> {
    const { status, manager } = this.#options
    const { health, healthReasons } = await status()
    if (this.#isDisposed) return
    manager.tellFailing(health === 'failing' ? healthReasons : [])
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    clearInterval(this.#timer)
  }
}
