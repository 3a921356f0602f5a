import { relative } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type {
  Builder,
  BuildResult,
  ConfigurationChange,
  GenerationId,
  LiveOptions,
  Manager,
  Refusal,
  TreeState,
} from '@rip/manager'
import { inForce, settingsChange } from '../settings/settings-change.ts'
import type { Mode, Settings } from '../settings/settings.ts'
import { withoutSecrets } from '../settings/without-secrets.ts'
import { ServerError } from '../errors.ts'
import { messageOf } from '../message-of.ts'
import { realPath } from '../real-path.ts'

/** Settings, with the files they were read from. */
export interface ReadSettings {
  readonly settings: Settings
  /** Files of the configuration: itself, and what it imports. */
  readonly files: readonly string[]
}

export interface LiveConfigurationOptions {
  /** Folder of the application. */
  readonly root: string
  readonly mode: Mode
  readonly started: ReadSettings
  /** Reads the configuration anew; aborting gives up. @throws ServerError */
  readonly read: (signal: AbortSignal) => Promise<ReadSettings>
  /** Checks the files beside the code that are read for each generation. @throws ServerError @default none */
  readonly prove?: () => void
  /** Applies the settings in force to the balancers. */
  readonly configureFront: () => Promise<void>
  readonly warn: (message: string) => void
}

/** The settings that the manager can change while it runs. */
export function liveOptions(settings: Settings): Required<LiveOptions> {
  const { maxRequests, maxMemoryBytes, memoryBudgetShare, maxLifetimeMs, rollbackWindowMs } = settings
  return {
    concurrency: settings.concurrency,
    bootTimeoutMs: settings.bootTimeoutMs,
    drainTimeoutMs: settings.drainTimeoutMs,
    stopDelayMs: settings.stopDelayMs,
    observeWindowMs: rollbackWindowMs ?? 0,
    recycle: {
      ...(maxRequests !== undefined && { requests: maxRequests }),
      ...(maxMemoryBytes !== undefined && { memoryBytes: maxMemoryBytes }),
      ...(memoryBudgetShare !== undefined && { budgetShare: memoryBudgetShare }),
      ...(maxLifetimeMs !== undefined && { lifetimeMs: maxLifetimeMs }),
    },
  }
}

/** Files that settings are read from, also when they are new: `.env` files, and others in the application's folder. */
const READ_FROM = /^(?:(?:\/.*\/)?\.env[^/]*$|rip-server\.config\.|package\.json$|bunfig\.toml$)/
/** Generations whose settings are remembered, for a return to one of them. */
const REMEMBERED = 8

/**
 * The settings a server runs with. They belong to the content they were read with: a generation starts with its own,
 * they are in force after the cut to it, a refused generation takes its settings with it, and a rollback returns to the
 * settings of its generation.
 */
export class LiveConfiguration {
  readonly #options: LiveConfigurationOptions
  #manager: Manager | undefined
  /** The settings in force. */
  #current: Settings
  /** The settings read last. */
  #read: ReadSettings
  /**
   * The files that the configuration was read from, as they were in the tree; undefined before the first generation.
   */
  #fingerprint: string | undefined
  /** Whether to read it even when none of its files has changed, because it may depend on other things. */
  #asked = false
  #reading: Promise<unknown> = Promise.resolve()
  #candidate: { readonly generation: GenerationId; readonly settings: Settings } | undefined
  readonly #served = new Map<GenerationId, Settings>()
  #lastChange: ConfigurationChange = { applied: [], pending: [] }
  /** The changes, which are applied one after the other. */
  #changes: Promise<void> = Promise.resolve()

  constructor(options: LiveConfigurationOptions) {
    this.#options = options
    this.#current = options.started.settings
    this.#read = options.started
  }

  #values(): Readonly<Record<string, unknown>> {
    return { mode: this.#options.mode, ...withoutSecrets(this.#current) }
  }

  /** The settings that a generation on its way is tried with, else those in force. */
  get tried(): Settings {
    return this.#candidate?.settings ?? this.#current
  }

  get current(): Settings {
    return this.#current
  }

  follow(manager: Manager): void {
    this.#manager = manager
    manager.tellConfiguration({ values: this.#values(), applied: [], pending: [] })
    manager.on('generation-cut', ({ generation }) => this.#onCut(generation))
    manager.on('generation-refused', ({ refusal }) => this.#giveUp(refusal.generation))
    manager.on('generation-unchanged', ({ generation }) => this.#onUnchanged(generation))
  }

  /** Wraps a builder, so that a build is refused when the configuration that is part of the content cannot be used. */
  builder(builder: Builder): Builder {
    return {
      build: (state, options) => this.#build(builder, state, options),
      get peakBytes() {
        return builder.peakBytes
      },
      ...(builder.prepare && { prepare: () => builder.prepare?.() }),
      ...(builder.discard && { discard: (snapshot) => builder.discard?.(snapshot) }),
    }
  }

  /** Makes the next reload, which an operator has asked for, read the configuration in any case. */
  ask(): void {
    this.#asked = true
  }

  /** Resolves when the settings last read are in force, with what has changed. */
  async settled(): Promise<ConfigurationChange> {
    await this.#changes
    return this.#lastChange
  }

  /**
   * Reads the configuration for content that serves already, unless that was done. Resolves with why it cannot be used,
   * or `undefined`.
   */
  async refresh(generation: GenerationId, signal: AbortSignal): Promise<Refusal | undefined> {
    if (!this.#asked) return undefined
    const message = await this.#inTurn(() => this.#readNow(signal))
    if (message !== undefined) {
      this.#options.warn(`the configuration is refused: ${message}`)
      return { code: 'config-invalid', generation, message, atMs: Date.now() }
    }
    this.#adoptServing(generation, this.#read.settings)
    return undefined
  }

  async #build(
    builder: Builder,
    state: TreeState,
    options: { readonly signal: AbortSignal },
  ): Promise<BuildResult> {
    this.#giveUp()
    const refused = this.#refusedFile()
    if (refused !== undefined) return { ok: false, failure: { kind: 'config', message: refused } }
    const [message, result] = await Promise.all([
      this.#inTurn(() => this.#readFor(state, options.signal)),
      builder.build(state, options),
    ])
    options.signal.throwIfAborted()
    if (message === undefined) {
      if (result.ok) this.#try(result.snapshot.generation)
      return result
    }
    if (result.ok) builder.discard?.(result.snapshot)
    return { ok: false, failure: { kind: 'config', message } }
  }

  /** Checks the files before a process is started that would wait for one of them. */
  #refusedFile(): string | undefined {
    try {
      this.#options.prove?.()
      return undefined
    } catch (error) {
      if (!(error instanceof ServerError)) throw error
      return error.message
    }
  }

  /** Resolves with why the configuration cannot be used, or `undefined`. */
  async #readFor(state: TreeState, signal: AbortSignal): Promise<string | undefined> {
    const before = this.#fingerprint
    const fingerprint = this.#fingerprintOf(state)
    if (!this.#asked && (before === undefined || before === fingerprint)) {
      this.#fingerprint = fingerprint
      return undefined
    }
    const message = await this.#readNow(signal)
    // From the list just read, because the configuration may import other files now.
    if (message === undefined) this.#fingerprint = this.#fingerprintOf(state)
    return message
  }

  async #readNow(signal: AbortSignal): Promise<string | undefined> {
    this.#asked = false
    try {
      this.#read = await this.#options.read(signal)
      return undefined
    } catch (error) {
      if (!(error instanceof ServerError)) throw error
      return error.message
    }
  }

  /** Reads one after the other, so that the last one is the newest. */
  #inTurn(read: () => Promise<string | undefined>): Promise<string | undefined> {
    const reading = this.#reading.then(read)
    this.#reading = reading.catch(() => undefined)
    return reading
  }

  #fingerprintOf({ files }: TreeState): string {
    const root = realPath(this.#options.root)
    const own = new Set(this.#read.files.map((path) => relative(root, path)))
    const relevant = [...files].filter(([path]) => own.has(path) || READ_FROM.test(path))
    return JSON.stringify(relevant)
  }

  /** From now on workers are started, and proven, with the settings of the generation on its way. */
  #try(generation: GenerationId): void {
    const { settings } = this.#read
    this.#candidate = { generation, settings }
    const { concurrency, bootTimeoutMs } = liveOptions(settings)
    this.#manager?.configure({ ...liveOptions(this.#current), concurrency, bootTimeoutMs })
  }

  #giveUp(generation?: GenerationId): void {
    if (this.#candidate === undefined) return
    if (generation !== undefined && this.#candidate.generation !== generation) return
    this.#candidate = undefined
    this.#manager?.configure(liveOptions(this.#current))
  }

  /** Called when only the configuration has changed, or nothing. */
  #onUnchanged(generation: GenerationId): void {
    const candidate = this.#candidate?.generation === generation ? this.#candidate.settings : undefined
    this.#giveUp()
    if (candidate !== undefined) this.#adoptServing(generation, candidate)
  }

  #adoptServing(generation: GenerationId, settings: Settings): void {
    const before = this.#current.concurrency
    this.#served.set(generation, settings)
    this.#adopt(settings)
    // Running workers keep the concurrency they were started with.
    if (before === this.#current.concurrency) return
    this.#changes = this.#changes.then(() => this.#restart())
  }

  async #restart(): Promise<void> {
    try {
      await this.#manager?.restart({ reason: 'configuration' })
    } catch (error) {
      // STOPPING, for example.
      this.#options.warn(`workers keep their concurrency: ${messageOf(error)}`)
    }
  }

  #onCut(generation: GenerationId): void {
    const candidate = this.#candidate?.generation === generation ? this.#candidate.settings : undefined
    const settings = candidate ?? this.#served.get(generation)
    this.#candidate = undefined
    if (settings === undefined) return
    this.#served.delete(generation)
    this.#served.set(generation, settings)
    const [oldest] = this.#served.keys()
    if (this.#served.size > REMEMBERED && oldest !== undefined) this.#served.delete(oldest)
    this.#adopt(settings)
  }

  #adopt(read: Settings): void {
    const before = this.#current
    const { started } = this.#options
    const change = settingsChange(started.settings, before, read)
    this.#current = inForce(started.settings, read)
    this.#manager?.configure(liveOptions(this.#current))
    const isNews = change.applied.length > 0 || !isDeepStrictEqual(change.pending, this.#lastChange.pending)
    this.#lastChange = change
    if (isNews) this.#changes = this.#changes.then(() => this.#apply(before, this.#current, change))
  }

  async #apply(before: Settings, now: Settings, change: ConfigurationChange): Promise<void> {
    try {
      if (change.applied.length > 0) await this.#options.configureFront()
      // The operator's `scale` stays in force, unless the configuration has changed this value.
      if (before.workers !== now.workers && this.#manager?.status.wantedWorkers !== 0)
        await this.#manager?.scale(now.workers)
    } catch (error) {
      this.#options.warn(`not all of the configuration is in force: ${messageOf(error)}`)
    }
    this.#manager?.tellConfiguration({ values: this.#values(), ...change })
  }
}
