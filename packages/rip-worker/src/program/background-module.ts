import type { CloseHook, ReadyHook } from '../application/application.ts'
import { loadModule } from '../application/load-application.ts'
import { BACKGROUND_BEGIN_MS } from '../defaults.ts'
import { reasonOf, WorkerError } from '../errors.ts'
import { setTimeout } from '../own-timers.ts'
import { describeFailure } from '../serve/failure.ts'
import type { ApplicationSignals } from './application-signals.ts'
import type { BackgroundWork } from './background-work.ts'

export interface BackgroundModuleOptions {
  readonly name: string
  readonly generation: string
  /** Absolute path of the module. */
  readonly file: string
  /** Folder of the snapshot that it is loaded from. @default from disk */
  readonly snapshot: string | undefined
  readonly signals: ApplicationSignals
}

interface Place {
  readonly name: string
  readonly workerId: 1
  readonly generation: string
}

/** The exports that are called; all are optional. */
interface Hooks {
  readonly ready?: ReadyHook
  readonly resume?: (place: Place & { readonly signal: AbortSignal }) => unknown
  readonly standby?: (place: Place) => unknown
  readonly close?: CloseHook
}

/**
 * A module that works in the background. One that exports `resume` begins there, so that it is loaded, and its `ready`
 * awaited, ahead of its turn; any other begins when it is loaded.
 */
export class BackgroundModule implements BackgroundWork {
  readonly #options: BackgroundModuleOptions
  readonly #place: Place
  readonly #active = new AbortController()
  #hooks: Hooks | undefined
  #loading: Promise<Hooks> | undefined
  #running: Promise<unknown> = Promise.resolve()

  constructor(options: BackgroundModuleOptions) {
    this.#options = options
    this.#place = { name: options.name, workerId: 1, generation: options.generation }
  }

  /** False while the module is being loaded, which a loop at its top level never ends. */
  get isLoaded(): boolean {
    return this.#loading === undefined || this.#hooks !== undefined
  }

  async prepare(): Promise<void> {
    if (await this.#beginsLater()) await this.#load()
  }

  async begin(): Promise<void> {
    const begun = this.#begin()
    await Promise.race([begun, new Promise<void>((resolve) => setTimeout(resolve, BACKGROUND_BEGIN_MS))])
    // The race has handled a later failure, such as that of a loop at the top level; this rejects again, unhandled.
    void begun.then()
  }

  async #begin(): Promise<void> {
    const { resume } = await this.#load()
    if (resume === undefined || this.#active.signal.aborted) return
    this.#running = Promise.try(resume, { ...this.#place, signal: this.#active.signal })
    // A failure ends the process, as one that nothing awaits does.
    void this.#running
  }

  async end(deadlineMs: number): Promise<'ends-by-itself' | undefined> {
    this.#active.abort()
    const { standby, close } = this.#hooks ?? {}
    const late = new AbortController()
    setTimeout(() => late.abort(), deadlineMs).unref()
    await this.#settled('standby', () => standby?.(this.#place))
    await this.#running.catch(() => {})
    await this.#settled('close', () => close?.({ signal: late.signal }))
    const { signals } = this.#options
    if (!signals.has('SIGTERM')) return undefined
    void signals.call('SIGTERM')
    return 'ends-by-itself'
  }

  async #settled(hook: string, call: () => unknown): Promise<void> {
    try {
      await call()
    } catch (error) {
      console.error(`${hook}() failed: ${describeFailure(error)}`)
    }
  }

  #load(): Promise<Hooks> {
    return (this.#loading ??= this.#loadOnce())
  }

  async #loadOnce(): Promise<Hooks> {
    // A server it opens is its own affair: it exists once.
    const exports = (await loadModule(this.#options.file)) as Hooks
    try {
      await exports.ready?.()
    } catch (cause) {
      throw new WorkerError('RIP_READY_FAILED', { reason: reasonOf(cause) }, { cause })
    }
    return (this.#hooks = exports)
  }

  /** Known from its text, because loading a module that does not export `resume` begins its work. */
  async #beginsLater(): Promise<boolean> {
    const { file, snapshot } = this.#options
    const { codeOf } = await import('@rip/transpile/loader')
    const found = codeOf(file, snapshot)
    if (found === undefined) return false
    try {
      const { exports } = new Bun.Transpiler({ loader: found.loader }).scan(found.code)
      return exports.includes('resume')
    } catch {
      // It cannot be parsed, and so not begin: loading it says where.
      return true
    }
  }
}
