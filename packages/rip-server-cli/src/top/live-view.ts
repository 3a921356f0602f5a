import type { ControlClient } from '@rip/manager'
import { ExitCode } from '../exit-code.ts'
import { FullScreen } from '../terminal/full-screen.ts'
import { frame } from './frame.ts'
import { listsOf, shownOf } from './lists.ts'
import type { Picture } from './picture.ts'
import { INITIAL_VIEW, type KeyAction, press, type View } from './view.ts'
import { Watcher } from './watcher.ts'

export interface LiveViewOptions {
  readonly client: ControlClient
  /** From one look to the next. */
  readonly intervalMs: number
  readonly colored: boolean
  /** What the log has of a request, by its id. */
  readonly readLog: (requestId: string) => Promise<readonly string[]>
}

/** Ages are drawn anew so often, also while there is no answer. */
const REDRAW_MS = 1_000
/** Looks that come this much later than planned are still those of now. */
const GRACE_MS = 2_000

/** The screen of `rip-server top`: draws what the watcher finds, the way the keys want it. */
export class LiveView {
  readonly #options: LiveViewOptions
  readonly #screen: FullScreen
  readonly #watcher: Watcher
  readonly #quit = Promise.withResolvers<void>()
  #view: View = INITIAL_VIEW
  /** What is shown while the picture is paused. */
  #paused: Picture | undefined
  /** Of the failed request that is shown. */
  #logged: readonly string[] | undefined
  #drawnAtMs = Number.NEGATIVE_INFINITY

  constructor(options: LiveViewOptions) {
    this.#options = options
    const { client, intervalMs, colored } = options
    this.#screen = new FullScreen({
      colored,
      onKey: (key) => this.#press(key),
      onRedraw: () => this.#draw(),
    })
    this.#watcher = new Watcher({ client, intervalMs, onLook: () => this.#draw() })
  }

  /** Resolves with the exit code when it has been left, and the terminal is as it was. */
  async run(): Promise<number> {
    const redraw = setInterval(() => {
      if (performance.now() - this.#drawnAtMs >= REDRAW_MS) this.#draw()
    }, REDRAW_MS / 4)
    await using watcher = this.#watcher
    using screen = this.#screen
    try {
      screen.open()
      await Promise.race([watcher.run(), this.#quit.promise, screen.gone, screen.failed])
      return ExitCode.done
    } finally {
      clearInterval(redraw)
    }
  }

  #press(key: string): void {
    const { data } = this.#picture()
    if (data === undefined && !['q', 'interrupt', 'suspend'].includes(key)) return
    const shown = shownOf(data === undefined ? NOTHING : listsOf(data, this.#view, data.sample.wallMs))
    const { view, action } = press(this.#view, key, shown)
    if (view.isPaused !== this.#view.isPaused) this.#paused = view.isPaused ? this.#current() : undefined
    if (view.failure !== this.#view.failure) void this.#readLog(view.failure)
    this.#view = view
    if (action !== undefined) return this.#do(action)
    this.#draw()
  }

  async #readLog(requestId: string | undefined): Promise<void> {
    this.#logged = undefined
    if (requestId === undefined) return
    const lines = await this.#options.readLog(requestId).catch((error: unknown) => [String(error)])
    if (this.#view.failure !== requestId) return
    this.#logged = lines
    this.#draw()
  }

  #do(action: KeyAction): void {
    switch (action) {
      case 'quit':
        return this.#quit.resolve()
      case 'interrupt':
        return this.#screen.interrupt()
      case 'suspend':
        return this.#screen.suspend()
      case 'redraw':
        return this.#screen.redraw()
    }
  }

  #draw(): void {
    this.#drawnAtMs = performance.now()
    this.#screen.draw(frame(this.#picture(), this.#view, this.#screen.size))
  }

  /** A paused picture stays, but says how old it is, and whether the instance answers. */
  #picture(): Picture {
    const current = this.#current()
    return this.#paused === undefined ? current : { ...current, data: this.#paused.data }
  }

  #current(): Picture {
    const { data, events, trouble } = this.#watcher
    return {
      data,
      events,
      trouble,
      logged: this.#logged,
      nowMs: Date.now(),
      hasKeys: this.#screen.hasKeys,
      staleAfterMs: this.#options.intervalMs + GRACE_MS,
    }
  }
}

const NOTHING = { workers: [], routes: [], failures: [], requests: [] } as const
