import { setTimeout } from 'node:timers/promises'
import { type ControlClient, ManagerError, type ManagerEvent } from '@rip/manager'
import { type Data, History } from './history.ts'
import { takeSample } from './sample.ts'

/** How long the instance may take to answer before it counts as one that does not. */
const ANSWER_MS = 3_000
/** Pause before it is asked again for its events. */
const AGAIN_MS = 1_000
/** Events that are kept: what they are read for happened lately. */
const KEPT_EVENTS = 200

export interface WatcherOptions {
  readonly client: ControlClient
  /** From one look to the next. */
  readonly intervalMs: number
  /** Called after each look, also after one that failed. */
  readonly onLook: () => void
}

/** Why there is no answer, and since when, in milliseconds since the epoch. */
export interface Trouble {
  readonly sinceMs: number
  readonly reason: string
}

/** Looks at an instance again and again, also while it is away: what is known of it, and whether it answers. */
export class Watcher implements AsyncDisposable {
  readonly #options: WatcherOptions
  readonly #history = new History()
  readonly #abort = new AbortController()
  #running: Promise<unknown> | undefined
  #data: Data | undefined
  #trouble: Trouble | undefined
  #events: readonly ManagerEvent[] = []

  constructor(options: WatcherOptions) {
    this.#options = options
  }

  /** The last look that succeeded. */
  get data(): Data | undefined {
    return this.#data
  }

  /** In order, the oldest first. */
  get events(): readonly ManagerEvent[] {
    return this.#events
  }

  get trouble(): Trouble | undefined {
    return this.#trouble
  }

  /** Looks until it is closed. */
  async run(): Promise<void> {
    this.#running ??= Promise.all([this.#look(), this.#follow()])
    await this.#running
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#abort.abort()
    await this.#running
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #look(): Promise<void> {
    const { signal } = this.#abort
    const { client, intervalMs, onLook } = this.#options
    for (let nextMs = performance.now(); !signal.aborted;) {
      const beganMs = Date.now()
      try {
        const sample = await takeSample(client, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]))
        if (signal.aborted) return
        this.#data = this.#history.add(sample)
        this.#trouble = undefined
      } catch (error) {
        if (signal.aborted) return
        this.#trouble = { sinceMs: this.#trouble?.sinceMs ?? beganMs, reason: reasonOf(error) }
      }
      onLook()
      nextMs = Math.max(nextMs + intervalMs, performance.now())
      await pause(Math.max(0, nextMs - performance.now()), signal)
    }
  }

  /** Events tell what a look misses, such as a reload that took half a second. */
  async #follow(): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      try {
        this.#events = []
        for await (const event of this.#options.client.events({ since: 0, signal }))
          this.#events = [...this.#events, event].slice(-KEPT_EVENTS)
      } catch {
        // The looks say why there is no answer.
      }
      await pause(AGAIN_MS, signal)
    }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `it takes longer than ${ANSWER_MS / 1_000} s`
  if (error instanceof ManagerError && error.code === 'NOT_RUNNING') return 'it does not run'
  return error.message
}

/** Resolves after this time, or when the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => {})
}
