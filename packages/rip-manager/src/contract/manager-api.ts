import type { InspectionKind } from '@rip/worker/protocol'
import type { LiveOptions } from './options.ts'
import type { Configuration, ConfigurationChange, ManagerStatus } from './status.ts'
import type { ManagerEvent, ManagerEventBody } from './events.ts'
import type { Refusal } from './refusal.ts'
import type { DrainReport, GenerationId } from './router.ts'

/** Outcome of a reload: a refused candidate is a value, not an exception. */
export type ReloadResult =
  | {
      readonly ok: true
      readonly generation: GenerationId
      readonly previous: GenerationId | null
      readonly tookMs: number
      readonly unchanged: boolean
      /** How long its answers are watched from the switch on, and it may be taken back; absent when they are not. */
      readonly watchedMs?: number
      /** What became of the configuration, if it was read. */
      readonly configuration?: ConfigurationChange
    }
  | { readonly ok: false; readonly refusal: Refusal }

export interface CommandOptions {
  /** Shown in events, such as `deploy 42`. */
  readonly reason?: string
  readonly signal?: AbortSignal
}

/** Options of `restart`. */
export interface RestartOptions extends CommandOptions {
  /** Name of the background process that is restarted alone. @default every worker, and all of them */
  readonly background?: string
}

/** Options of `rollback`. */
export interface RollbackOptions extends CommandOptions {
  /** Serve it although it was condemned. @default false */
  readonly force?: boolean
}

/** Options of `reload`. */
export interface ReloadOptions extends RollbackOptions {
  /** Answer when the answers are not watched any more; a generation that was taken back by then is refused. @default false */
  readonly wait?: boolean
}

export interface StopOptions {
  /** Skip the drain and kill. @default false */
  readonly now?: boolean
  /** Serve on for `stopDelayMs` first. @default true */
  readonly delay?: boolean
}

/** What is looked at in a process, and for how long where that matters. */
export interface Look {
  readonly kind: InspectionKind
  /** @default 5000 */
  readonly forMs?: number
}

/** What was found in a process: JSON, which may be large. */
export interface Finding {
  readonly bytes: number
  /** Its bytes, fetched from the process as they are read. @throws ManagerError `NOT_INSPECTED` */
  readonly parts: AsyncIterable<Uint8Array>
}

/** Supervises one application. Obtained from `createManager`. */
export interface Manager extends AsyncDisposable {
  /** Resolves when the first generation serves; rejects with `ManagerError` when it cannot. */
  start(): Promise<void>
  readonly status: ManagerStatus
  /** Newest content on disk becomes the serving generation, if it proves itself. */
  reload(options?: ReloadOptions): Promise<ReloadResult>
  /**
   * Replaces every worker, and what works in the background, by a fresh process of the same generation, one at a time.
   *
   * @throws ManagerError `NO_BACKGROUND`
   */
  restart(options?: RestartOptions): Promise<ReloadResult>
  /** Returns to the previous generation, and condemns the one that serves. Refused when the previous one was condemned itself. */
  rollback(options?: RollbackOptions): Promise<ReloadResult>
  /** Sets the number of workers; at least 1. */
  scale(workers: number): Promise<void>
  /** Other limits from now on; absent ones are as they were given at first. @throws ManagerError `OPTION_INVALID` */
  configure(live: LiveOptions): void
  /** Says by an event what became of another configuration, and shows it in the status. */
  tellConfiguration(configuration: Configuration): void
  /**
   * Says by an event that many answers fail (`failing`), or with no reasons that they do no more. Says nothing while that
   * has not changed.
   */
  tellFailing(reasons: readonly string[]): void
  /** Adds what became of the file of a certificate to the events. */
  tellCertificate(
    event: Extract<ManagerEventBody, { type: 'certificate-refused' | 'certificate-replaced' }>,
  ): void
  /**
   * Looks into a process of the application, one look at a time in each.
   *
   * @throws ManagerError `NOT_INSPECTED` when there is no such process, when it does not answer, or cannot do it
   */
  inspect(pid: number, look: Look, options?: { readonly signal?: AbortSignal }): Promise<Finding>
  /** Adds a warning to the events. */
  warn(message: string): void
  /** Suspends reloads, by watcher and by command alike. @throws ManagerError `STOPPING` */
  hold(): void
  /** Ends `hold`. @throws ManagerError `STOPPING` */
  resume(): void
  /** Ends the `standsBy` it was created with: workers that serve become active. */
  activate(): void
  on<T extends ManagerEventBody['type']>(
    type: T,
    listener: (event: Extract<ManagerEvent, { type: T }>) => void,
  ): Disposable
  /** Every event from now on, buffered up to 1024; what did not fit is reported as a warning event. */
  events(options?: { readonly signal?: AbortSignal }): AsyncIterable<ManagerEvent>
  /** Serves on for `stopDelayMs` and says that it stops; then drains, stops every process, removes every file of the run directory. Idempotent. */
  close(options?: StopOptions): Promise<DrainReport>
}
