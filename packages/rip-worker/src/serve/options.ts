import type { Application, ResumeHook, StandbyHook } from '../application/application.ts'
import {
  DEFAULT_CONCURRENCY,
  DEFAULT_DRAIN_TIMEOUT_MS,
  DEFAULT_IDLE_TIMEOUT_S,
  DEFAULT_MAX_BODY_BYTES,
  DEFAULT_MAX_LONG_LIVED,
  DEFAULT_MAX_LONG_LIVED_PER_ADDRESS,
  DEFAULT_MAX_WAITING,
  DEFAULT_PORT,
} from '../defaults.ts'
import { Topics } from '../bus/topics.ts'
import { WorkerError } from '../errors.ts'
import type { WorkerMode } from '../protocol.ts'
import type { StaticFolder } from '../static/static-folder.ts'
import type { TrustForwarded } from './client.ts'
import type { ListenAddress } from './transport.ts'

export interface WorkerOptions extends Omit<Application, 'ready' | 'standby' | 'resume' | 'close'> {
  /**
   * A path of a Unix socket, or where to listen on TCP. Use a fresh path for each worker: closing removes it.
   *
   * @default { port: 3000 }
   */
  readonly listen?:
    string | { readonly unix: string } | { readonly port?: number; readonly hostname?: string }
  /**
   * Requests worked on at the same time, streams included; 1 answers strictly one after the other. WebSockets and event
   * streams are no longer among them once they are open.
   *
   * @default 100
   */
  readonly concurrency?: number
  /** Requests that wait for a place before the next one gets 503. @default 1024 */
  readonly maxWaiting?: number
  /**
   * WebSockets and event streams at the same time; the next one gets 503. @default 9000, no limit behind
   * `@rip/balancer`
   */
  readonly maxLongLived?: number
  /**
   * The same for one client: one IPv4 address, or one /64 of IPv6, if it is known.
   *
   * @default 1800, no limit behind `@rip/balancer`
   */
  readonly maxLongLivedPerAddress?: number
  /** `development` answers failures with a page that shows code, `production` hides details. @default 'production' */
  readonly mode?: WorkerMode
  /** @default 1 */
  readonly workerId?: number
  /** @default 'local' */
  readonly generation?: string
  /** How long `close()` lets requests finish. @default 30 s */
  readonly drainTimeoutMs?: number
  /** Quiet time after which a client is cut off, at most 255; 0 means never. @default 0 on a Unix socket, else 120 */
  readonly idleTimeoutS?: number
  /** Longest request body. @default no limit on a Unix socket, else 128 MiB */
  readonly maxBodyBytes?: number
  /** Which proxy's `X-Request-Id` and `X-Forwarded-*` are trusted. @default true on a Unix socket, else false */
  readonly trustForwarded?: TrustForwarded
  /**
   * Folders whose files are answered before the application, the first that has the file. Without an application they are
   * all there is, and `index.html` (or `404.html`) answers what a browser navigates to and no file is.
   *
   * @default none
   */
  readonly static?: readonly StaticFolder[]
  /** Called with the address once connections are accepted, before `onReady`. */
  readonly onListening?: (url: string, http2: boolean) => void
  /** The worker is not ready before this settles; its failure ends the start. */
  readonly onReady?: () => unknown
  /** Starts on standby, until `resume()`; requests are answered all the same. @default false */
  readonly standsBy?: boolean
  /** Runs after `onReady` and each time the worker stops to be active; the worker serves without waiting for it. */
  readonly onStandby?: StandbyHook
  /** Runs each time the worker becomes active; `signal` aborts when it stops to be. */
  readonly onResume?: ResumeHook
  /** Runs when the last request is done; `signal` aborts when the time for it is up. */
  readonly onDrain?: (options: { readonly signal: AbortSignal }) => unknown
  /** What is published and subscribed to. @default topics of this worker alone */
  readonly topics?: Topics
  /** Logs a text about a failure. @default writes to standard error */
  readonly log?: (text: string) => void
}

type Optional =
  | 'fetch'
  | 'listener'
  | 'nodeServer'
  | 'websocket'
  | 'routes'
  | 'error'
  | 'attach'
  | 'onListening'
  | 'onReady'
  | 'onStandby'
  | 'onResume'
  | 'onDrain'

/** Options with every default applied and every value checked. */
export type ResolvedWorkerOptions = Pick<WorkerOptions, Optional> &
  Required<Omit<WorkerOptions, Optional | 'listen'>> & { readonly listen: ListenAddress }

/** @throws WorkerError `RIP_OPTION_INVALID`. */
export function resolveWorkerOptions(options: WorkerOptions): ResolvedWorkerOptions {
  assertAnswering(options)
  const listen = resolveListen(options.listen ?? {})
  const unix = 'unix' in listen
  // `@rip/balancer` counts them for all its workers together.
  const isCounted = options.trustForwarded === 'balancer'
  return {
    ...options,
    listen,
    concurrency: atLeast(1, 'concurrency', options.concurrency ?? DEFAULT_CONCURRENCY),
    maxWaiting: atLeast(0, 'maxWaiting', options.maxWaiting ?? DEFAULT_MAX_WAITING),
    maxLongLived: atLeast(
      1,
      'maxLongLived',
      options.maxLongLived ?? (isCounted ? Number.MAX_SAFE_INTEGER : DEFAULT_MAX_LONG_LIVED),
    ),
    maxLongLivedPerAddress: atLeast(
      1,
      'maxLongLivedPerAddress',
      options.maxLongLivedPerAddress ??
        (isCounted ? Number.MAX_SAFE_INTEGER : DEFAULT_MAX_LONG_LIVED_PER_ADDRESS),
    ),
    mode: options.mode ?? 'production',
    workerId: atLeast(1, 'workerId', options.workerId ?? 1),
    generation: options.generation ?? 'local',
    drainTimeoutMs: atLeast(0, 'drainTimeoutMs', options.drainTimeoutMs ?? DEFAULT_DRAIN_TIMEOUT_MS),
    idleTimeoutS: atLeast(0, 'idleTimeoutS', options.idleTimeoutS ?? (unix ? 0 : DEFAULT_IDLE_TIMEOUT_S)),
    maxBodyBytes: atLeast(
      1,
      'maxBodyBytes',
      options.maxBodyBytes ?? (unix ? Number.MAX_SAFE_INTEGER : DEFAULT_MAX_BODY_BYTES),
    ),
    trustForwarded: options.trustForwarded ?? unix,
    standsBy: options.standsBy ?? false,
    topics: options.topics ?? new Topics(),
    static: options.static ?? [],
    log: options.log ?? console.error,
  }
}

function assertAnswering(options: WorkerOptions): void {
  const { fetch, listener, nodeServer, static: folders = [] } = options
  if (fetch !== undefined || listener !== undefined || nodeServer !== undefined || folders.length > 0) return
  throw new WorkerError('RIP_OPTION_INVALID', {
    option: 'fetch',
    value: 'missing',
    expected: 'a function that answers requests',
  })
}

function resolveListen(listen: NonNullable<WorkerOptions['listen']>): ListenAddress {
  if (typeof listen === 'string') return { unix: listen }
  if ('unix' in listen) return { unix: listen.unix }
  return { port: listen.port ?? DEFAULT_PORT, hostname: listen.hostname }
}

function atLeast(least: number, option: string, value: number): number {
  if (Number.isInteger(value) && value >= least) return value
  const expected = `a whole number of at least ${least}`
  throw new WorkerError('RIP_OPTION_INVALID', { option, value: String(value), expected })
}
