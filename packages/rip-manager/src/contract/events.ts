import type { BootFailure, UncaughtOrigin } from '@rip/worker/protocol'
import type { ExitReason } from './exit-reason.ts'
import type { Refusal } from './refusal.ts'
import type { GenerationId } from './router.ts'
import type { ModuleCounts } from './ports.ts'
import type { Verdict } from './verdict.ts'
import type { ConfigurationChange, ManagerHealth } from './status.ts'

/** What happened, in order. `atMs` is milliseconds since the epoch, `seq` grows by one. */
export type ManagerEvent = { readonly seq: number; readonly atMs: number } & ManagerEventBody

/** What differs from the content that serves. */
export interface ChangedContent {
  /** The first of them, as in the content tree: relative to the application's folder, or absolute. */
  readonly paths: readonly string[]
  /** How many there are. */
  readonly count: number
}

/** How new content came into service; what is not known is absent, as for a rollback and for the first start. */
export interface RolloutFacts {
  readonly changed?: ChangedContent
  /** From the order to build until the code was there. */
  readonly buildMs?: number
  /** From the start of the first worker until it was ready. */
  readonly bootMs?: number
  readonly modules?: ModuleCounts
}

export type ManagerEventBody =
  | { readonly type: 'starting'; readonly generation: GenerationId; readonly workers: number }
  | {
      readonly type: 'ready'
      readonly generation: GenerationId
      readonly workers: number
      readonly tookMs: number
    }
  | {
      readonly type: 'worker-started'
      readonly slot: number
      readonly pid: number
      readonly generation: GenerationId
    }
  | { readonly type: 'worker-ready'; readonly slot: number; readonly pid: number; readonly bootMs: number }
  | {
      readonly type: 'worker-exited'
      readonly slot: number
      readonly pid: number
      readonly reason: ExitReason
      readonly uptimeMs: number
      readonly requests: number
      /** Delay before the replacement is started; absent when there is none. */
      readonly respawnInMs?: number
    }
  /** In development: something was thrown outside of a request, and the worker serves on. */
  | {
      readonly type: 'worker-uncaught'
      readonly slot: number
      readonly pid: number
      readonly generation: GenerationId
      readonly origin: UncaughtOrigin
      readonly failure: BootFailure
    }
  | {
      readonly type: 'background-started'
      readonly name: string
      readonly pid: number
      readonly generation: GenerationId
    }
  /** It has begun its work: every process of that name before it has ended. */
  | {
      readonly type: 'background-working'
      readonly name: string
      readonly pid: number
      readonly generation: GenerationId
    }
  | {
      readonly type: 'background-exited'
      readonly name: string
      readonly pid: number
      readonly reason: ExitReason
      readonly uptimeMs: number
      /** Delay before the next one is started; absent when there is none. */
      readonly respawnInMs?: number
    }
  | { readonly type: 'generation-building'; readonly generation: GenerationId; readonly reason: string }
  | { readonly type: 'generation-verified'; readonly generation: GenerationId }
  | ({
      readonly type: 'generation-cut'
      readonly generation: GenerationId
      readonly previous: GenerationId | null
      readonly tookMs: number
    } & RolloutFacts)
  /**
   * There is no memory to start as many workers as are wanted beside those that are there: the generation takes over
   * with `ready` of them, the rest starts as the previous ones leave, and none of those stands by for a rollback.
   */
  | {
      readonly type: 'surge-limited'
      readonly generation: GenerationId
      readonly ready: number
      readonly wanted: number
      /** Left when it was decided, in the control group or on the machine. */
      readonly availableBytes: number
      /** What one worker was reckoned with, as measured. */
      readonly workerBytes: number
      /** By how much everything that runs may grow meanwhile. Absent in events of earlier versions. */
      readonly growthBytes?: number
    }
  | { readonly type: 'generation-retired'; readonly generation: GenerationId; readonly abandoned: number }
  | {
      readonly type: 'generation-refused'
      readonly refusal: Refusal
      readonly changed?: ChangedContent
    }
  /** A reload was asked for, and what is on disk is what serves. */
  | { readonly type: 'generation-unchanged'; readonly generation: GenerationId }
  /** Many answers failed after the cut: from here on, lots decide which of the two generations answers a request. */
  | {
      readonly type: 'generation-suspected'
      readonly generation: GenerationId
      readonly previous: GenerationId
      readonly errors: number
      readonly requests: number
    }
  /** Requests drawn for the previous generation fail as often: it gets no more of them. */
  | { readonly type: 'generation-cleared'; readonly generation: GenerationId }
  | {
      readonly type: 'rolled-back'
      readonly from: GenerationId
      readonly to: GenerationId
      readonly reason: string
    }
  /**
   * A start found content on disk that is not to serve again: `instead` is brought into service, or, for lack of a copy of a
   * good generation, what is on disk.
   */
  | {
      readonly type: 'condemned-found'
      readonly generation: GenerationId
      readonly instead: GenerationId | null
      /** See {@link Verdict}, also of `reason`. */
      readonly by: Verdict['by']
      readonly reason: string
    }
  | ({ readonly type: 'configured' } & ConfigurationChange)
  | { readonly type: 'scaled'; readonly workers: number }
  | { readonly type: 'held' }
  | { readonly type: 'resumed' }
  /** `reasons`: what is wrong, a sentence each, of an application that is `failing`. */
  | { readonly type: 'health'; readonly health: ManagerHealth; readonly reasons?: readonly string[] }
  | {
      readonly type: 'service-exited'
      readonly service: string
      readonly status: string
      readonly respawnInMs: number
    }
  | { readonly type: 'service-ready'; readonly service: string; readonly pid: number }
  /** What is now in the file of a certificate is not used: the certificate before serves on. */
  | { readonly type: 'certificate-refused'; readonly file: string; readonly reason: string }
  /** `expiresAtMs`: milliseconds since the epoch, of the certificate that serves now. */
  | { readonly type: 'certificate-replaced'; readonly file: string; readonly expiresAtMs: number }
  | { readonly type: 'warning'; readonly message: string }
  /** `delayMs`: how long it serves on before requests are drained; absent when that begins at once. */
  | { readonly type: 'stopping'; readonly delayMs?: number }
  | { readonly type: 'stopped'; readonly abandoned: number }
