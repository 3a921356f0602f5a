import type { LagListener } from './lag-events.ts'
import type { WorkerState } from './worker-state.ts'

export interface WorkerStats {
  /** Requests not yet answered to the last byte, waiting ones included, without WebSockets and event streams. */
  readonly inFlight: number
  /** Requests that wait for a place. */
  readonly waiting: number
  /** Requests taken since the start. */
  readonly requests: number
  readonly webSockets: number
  readonly eventStreams: number
}

export interface CloseOptions {
  /** How long requests, streams and WebSockets may take to finish. @default the worker's `drainTimeoutMs` */
  readonly timeoutMs?: number
  /** Aborting it ends the wait at once. */
  readonly signal?: AbortSignal
}

export interface DrainReport {
  /** Requests and WebSockets that were cut off because the time was up. */
  readonly abandoned: number
}

/** An application being served on one socket. */
export interface Worker extends AsyncDisposable {
  readonly state: WorkerState
  /** `http://…`, or `unix:` and the path; empty before the start. */
  readonly url: string
  readonly stats: WorkerStats
  /** Settles when the worker is closed, by `close()` or by the application. */
  readonly closed: Promise<DrainReport>
  /**
   * Listens and waits for `onReady`. Idempotent.
   *
   * @throws WorkerError `RIP_LISTEN_FAILED`, `RIP_READY_FAILED`.
   */
  start(): Promise<void>
  /** Takes nothing new, finishes what runs until the deadline, cuts off the rest. Idempotent. */
  close(options?: CloseOptions): Promise<DrainReport>
  /** Whether it is active, as opposed to standing by. */
  readonly isActive: boolean
  /**
   * Ends WebSockets, by status 1012, and event streams that answer GET, also those that open later, while other
   * requests go on. Clients connect again.
   */
  endStreams(): void
  /**
   * Calls `onStandby`, so that the application ends what it runs once. Resolves when that has finished, or its time is
   * up.
   */
  standBy(): Promise<void>
  /**
   * Makes the worker active again: calls `onResume`. Does nothing before the worker has started and after `close()`.
   */
  resume(): void
  /**
   * Calls back with the milliseconds each time the event loop stood still for 50 ms or more, until disposed or closed.
   */
  on(type: 'lag', listener: LagListener): Disposable
  /**
   * Answers a request as if it had come over the socket, for tests. Requests to applications with `routes` and of
   * `node:http` do go over it, so the worker has to be started.
   *
   * @throws WorkerError `RIP_NOT_SERVING`.
   */
  inject(request: Request): Promise<Response>
}
