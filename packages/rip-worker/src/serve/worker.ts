import { isToLocalHost } from '../pages/local-host.ts'
import type { Handler } from '../application/application.ts'
import type { ServerHost } from '../application/server-host.ts'
import {
  CLOSE_ANSWER_MS,
  CLOSE_HOOK_GRACE_MS,
  DRAIN_POLL_MS,
  EARLY_END_MS,
  EVENT_STREAM_GRACE_MS,
  MAX_TIMER_MS,
} from '../defaults.ts'
import { reasonOf, WorkerError } from '../errors.ts'
import { setTimeout } from '../own-timers.ts'
import { NOTICES_SUFFIX } from '../protocol.ts'
import { pathOf, type RequestHead } from '../pages/request-head.ts'
import { shortPage } from '../pages/short-page.ts'
import { Activity } from './activity.ts'
import { BackgroundTasks } from './background-tasks.ts'
import type { ClientAddress } from './client.ts'
import { ConcurrencyGate } from './concurrency-gate.ts'
import { Departures } from './departures.ts'
import { Deadline } from './deadline.ts'
import { Dispatcher } from './dispatcher.ts'
import { EventStreams } from './event-streams.ts'
import { answerFailure, describeFailure } from './failure.ts'
import { printable } from './printable.ts'
import { FetchTransport, type FetchTransportOptions } from './fetch-transport.ts'
import { LagEvents, type LagListener } from './lag-events.ts'
import { LongLivedGate } from './long-lived-gate.ts'
import type { NodeTransport } from './node-transport.ts'
import { type ResolvedWorkerOptions, resolveWorkerOptions, type WorkerOptions } from './options.ts'
import { type ContextHost, requestIP } from './request-context.ts'
import { replacingStaleSocket } from './stale-socket.ts'
import type { StaticResponder } from '../static/static-responder.ts'
import type { Transport } from './transport.ts'
import { Ticket, WebSockets } from './web-sockets.ts'

export type WorkerState = 'new' | 'starting' | 'ready' | 'draining' | 'closed'

/** Requests that are named in the log when they are cut off; further ones are only counted. */
const MAX_NAMED = 10

const transitions: Readonly<Record<WorkerState, readonly WorkerState[]>> = {
  new: ['starting', 'closed'],
  starting: ['ready', 'draining', 'closed'],
  ready: ['draining'],
  draining: ['closed'],
  closed: [],
}

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

/**
 * Serves an application.
 *
 * @throws WorkerError `RIP_OPTION_INVALID`, `RIP_LISTEN_FAILED`, `RIP_READY_FAILED`.
 */
export async function serveWorker(options: WorkerOptions): Promise<Worker> {
  const worker = createWorker(options)
  await worker.start()
  return worker
}

/**
 * A worker that has not started.
 *
 * @throws WorkerError `RIP_OPTION_INVALID`.
 */
export function createWorker(options: WorkerOptions): Worker {
  return new ServingWorker(resolveWorkerOptions(options))
}

class ServingWorker implements Worker {
  readonly #options: ResolvedWorkerOptions
  /** Folder of the application, even if the application changes its working directory later. */
  readonly #root = process.cwd()
  readonly #closed = Promise.withResolvers<DrainReport>()
  readonly #gate: ConcurrencyGate
  readonly #longLived: LongLivedGate
  readonly #eventStreams: EventStreams
  readonly #webSockets: WebSockets
  readonly #tasks: BackgroundTasks
  readonly #activity: Activity
  readonly #upgraded = new WeakSet<Request>()
  /** Requests whose upgrade was refused because too many WebSockets were open. */
  readonly #notUpgraded = new WeakSet<Request>()
  readonly #dispatcher: Dispatcher | undefined
  readonly #departures: Departures | undefined
  #transport: Transport | undefined
  #fetchTransport: FetchTransport | undefined
  #nodeTransport: NodeTransport | undefined
  /** Absent where no folder of files is served. */
  #files: StaticResponder | undefined
  readonly #host: ContextHost
  readonly #lag = new LagEvents()
  #injected = 0
  #state: WorkerState = 'new'
  #starting: Promise<void> | undefined
  #closing: Promise<DrainReport> | undefined

  constructor(options: ResolvedWorkerOptions) {
    const logError = (what: string) => (error: unknown) =>
      options.log(`${what} failed: ${describeFailure(error)}`)
    this.#options = options
    this.#eventStreams = new EventStreams(logError('an event stream'))
    this.#longLived = new LongLivedGate({
      limit: options.maxLongLived,
      limitPerAddress: options.maxLongLivedPerAddress,
      log: options.log,
    })
    this.#webSockets = new WebSockets(this.#longLived, options.topics, logError('a WebSocket handler'))
    options.topics.serve(
      (topic, data, compress) => this.#fetchTransport?.publish(topic, data, compress) ?? 0,
      logError('a subscriber'),
    )
    this.#tasks = new BackgroundTasks(logError('a waitUntil task'))
    this.#activity = new Activity(options)
    this.#gate = new ConcurrencyGate({
      limit: options.concurrency,
      maxWaiting: options.maxWaiting,
      active: () => this.#inFlight,
    })
    this.#host = this.#createHost(options)
    if (options.trustForwarded === 'balancer' && 'unix' in options.listen) this.#departures = new Departures()
    const { fetch = hasNoApplication(options) ? notFound : undefined } = options
    if (fetch !== undefined) this.#dispatcher = this.#createDispatcher(fetch)
    void this.#closed.promise.then(() => this.#lag[Symbol.dispose]())
  }

  get state(): WorkerState {
    return this.#state
  }

  get url(): string {
    return this.#transport?.url ?? ''
  }

  get closed(): Promise<DrainReport> {
    return this.#closed.promise
  }

  get stats(): WorkerStats {
    const { webSockets = 0, eventStreams = 0 } = this.#transport?.longLived ?? {}
    return {
      inFlight: this.#inFlight,
      waiting: this.#gate.waiting,
      requests: this.#requests,
      webSockets: this.#webSockets.size + webSockets,
      eventStreams: this.#eventStreams.size + eventStreams,
    }
  }

  /** The dispatcher does not see requests for files. */
  get #requests(): number {
    if (this.#dispatcher === undefined) return this.#nodeTransport?.requests ?? 0
    return this.#dispatcher.requests + (this.#files?.requests ?? 0)
  }

  start(): Promise<void> {
    return (this.#starting ??= this.#start())
  }

  close(options: CloseOptions = {}): Promise<DrainReport> {
    return (this.#closing ??= this.#close(options))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  get isActive(): boolean {
    return this.#activity.isActive
  }

  endStreams(): void {
    if (this.#state !== 'ready' && this.#state !== 'draining') return
    this.#webSockets.restart()
    this.#eventStreams.endSubscriptions()
    this.#nodeTransport?.endStreams()
    const timer = setTimeout(() => this.#webSockets.terminate(), CLOSE_ANSWER_MS)
    void this.closed.then(() => clearTimeout(timer))
  }

  standBy(): Promise<void> {
    return this.#activity.standBy()
  }

  resume(): void {
    this.#activity.resume()
  }

  on(_type: 'lag', listener: LagListener): Disposable {
    return this.#lag.on(listener)
  }

  inject(request: Request): Promise<Response> {
    const { routes, static: folders } = this.#options
    if (this.#dispatcher === undefined || routes !== undefined || folders.length > 0)
      return this.#ask(request)
    return this.#dispatch(this.#dispatcher, request)
  }

  /** Asks over the socket, because Bun's router, files or code of `node:http` have to answer. */
  async #ask(request: Request): Promise<Response> {
    if (this.#state !== 'ready') throw new WorkerError('RIP_NOT_SERVING', { state: this.#state })
    return this.#send(request)
  }

  /** Sends the request over the socket. */
  #send(request: Request): Promise<Response> {
    const { listen } = this.#options
    // Without a proxy, even if the environment names one: the server is this process.
    const init = { redirect: 'manual', decompress: false, proxy: false } as const
    if ('unix' in listen) return fetch(request, { ...init, unix: listen.unix })
    const headers = new Headers(request.headers)
    headers.set('host', new URL(request.url).host)
    return fetch(new Request(this.url + pathOf(request), request), { ...init, headers })
  }

  async #dispatch(dispatcher: Dispatcher, request: Request): Promise<Response> {
    this.#injected++
    try {
      return (await dispatcher.dispatch(request)) ?? new Response(null, { status: 501 })
    } finally {
      this.#injected--
    }
  }

  get #pending(): number {
    return (this.#transport?.pending ?? 0) + this.#injected
  }

  /** Requests that take a place of `concurrency`. */
  get #inFlight(): number {
    const { webSockets = 0, eventStreams = 0 } = this.#transport?.longLived ?? {}
    // An event stream that answers `inject` is not pending.
    return Math.max(0, this.#pending - this.#eventStreams.size - webSockets - eventStreams)
  }

  async #start(): Promise<void> {
    this.#transition('starting')
    const { listen } = this.#options
    this.#transport = await replacingStaleSocket(listen, () => this.#openTransport())
    await this.#listenForDepartures()
    // close() may have been called meanwhile, before there was a transport to close.
    if (this.#closing !== undefined) return this.#transport.abort()
    this.#options.attach?.(this.#createServerHost())
    this.#options.onListening?.(this.#transport.url, this.#transport.http2)
    try {
      await this.#getReady()
    } catch (error) {
      await this.close({ timeoutMs: 0 })
      throw error
    }
    if (this.#state !== 'starting') return
    this.#transition('ready')
    this.#activity.begin()
    if (!this.#options.standsBy) this.#activity.resume()
  }

  async #getReady(): Promise<void> {
    await this.#bundlePages()
    try {
      await this.#options.onReady?.()
    } catch (cause) {
      throw new WorkerError('RIP_READY_FAILED', { reason: reasonOf(cause) }, { cause })
    }
  }

  async #bundlePages(): Promise<void> {
    const { routes } = this.#options
    if (routes === undefined) return
    const { bundledPages, bundlePages } = await import('./bundled-pages.ts')
    await bundlePages(bundledPages(routes), (path) => this.#send(new Request(`http://localhost${path}`)))
  }

  async #listenForDepartures(): Promise<void> {
    const { listen } = this.#options
    if (this.#departures === undefined || !('unix' in listen)) return
    const unix = listen.unix + NOTICES_SUFFIX
    await replacingStaleSocket({ unix }, () => this.#departures?.listen(unix))
  }

  async #openTransport(): Promise<Transport> {
    const files = (this.#files = await this.#openFiles())
    const { listener, nodeServer } = this.#options
    if (this.#dispatcher === undefined && (listener ?? nodeServer) !== undefined) {
      // Its WebSockets, and modules that answer without the worker's knowledge, may subscribe at any time.
      this.#options.topics.expectSubscribers()
      const { NodeTransport } = await import('./node-transport.ts')
      return (this.#nodeTransport = await NodeTransport.listen({
        ...this.#options,
        gate: this.#gate,
        longLived: this.#longLived,
        departures: this.#departures,
        files,
        isDraining: () => this.#closing !== undefined,
        onFailure: (error, request) =>
          this.#answerFailure(error, request, request.headers.get('x-request-id') ?? crypto.randomUUID()),
      }))
    }
    return (this.#fetchTransport = new FetchTransport({
      ...this.#options,
      websocket: this.#options.websocket && this.#webSockets.handlersFor(this.#options.websocket),
      routes: this.#options.routes,
      answer: this.#answering(files),
      onUnsent: (error) => this.#dispatcher?.answerUnsent(error) ?? this.#answerUnsent(error),
    }))
  }

  async #openFiles(): Promise<StaticResponder | undefined> {
    const { static: folders, mode } = this.#options
    if (folders.length === 0) return undefined
    const { StaticResponder } = await import('../static/static-responder.ts')
    return new StaticResponder({
      folders,
      isChanging: mode === 'development',
      isAll: hasNoApplication(this.#options),
      isDraining: () => this.#closing !== undefined,
    })
  }

  /** A route of the application comes before the files, because Bun's router has chosen it already. */
  #answering(files: StaticResponder | undefined): FetchTransportOptions['answer'] {
    const dispatch: FetchTransportOptions['answer'] = (request, route) =>
      this.#dispatcher?.dispatch(request, route)
    if (files === undefined) return dispatch
    return (request, route) =>
      (route === undefined ? files.respond(request) : undefined) ?? dispatch(request, route)
  }

  #createDispatcher(fetch: Handler): Dispatcher {
    return new Dispatcher({
      fetch,
      error: this.#options.error,
      host: this.#host,
      gate: this.#gate,
      eventStreams: this.#eventStreams,
      longLived: this.#longLived,
      topics: this.#options.topics,
      departures: this.#departures,
      isDraining: () => this.#closing !== undefined,
      isUpgraded: (request) => this.#upgraded.has(request),
      isUpgradeRefused: (request) => this.#notUpgraded.has(request),
      onFailure: (error, request, id) => this.#answerFailure(error, request, id),
      onUnsent: (error) => this.#answerUnsent(error),
    })
  }

  #createHost({ workerId, generation, trustForwarded, mode, topics }: ResolvedWorkerOptions): ContextHost {
    const addressOf = (request: Request): ClientAddress | null =>
      requestIP(request, trustForwarded) ?? this.#fetchTransport?.requestIP(request) ?? null
    return {
      workerId,
      generation,
      trustForwarded,
      standby: () => this.#activity.signal,
      waitUntil: (task) => this.#tasks.add(task),
      upgrade: (request, options = {}) => {
        const address = addressOf(request)?.address
        if (asksForWebSocket(request) && !this.#longLived.admits(address)) {
          this.#notUpgraded.add(request)
          return false
        }
        const ticket = new Ticket(options.data, address)
        const upgraded = this.#fetchTransport?.upgrade(request, { ...options, data: ticket }) ?? false
        if (upgraded) this.#upgraded.add(request)
        return upgraded
      },
      requestIP: addressOf,
      timeout: (request, seconds) => this.#fetchTransport?.timeout(request, seconds),
      publish: (topic, message, compress) => topics.publish(topic, message, compress),
      subscribe: (topic, listener, subscription) => topics.subscribe(topic, listener, subscription),
      subscriberCount: (topic) => this.#fetchTransport?.subscriberCount(topic) ?? 0,
      development: mode === 'development',
      pendingRequests: () => this.#pending,
      pendingWebSockets: () => this.#webSockets.size,
    }
  }

  /** The worker as the host of a server that its application opened. */
  #createServerHost(): ServerHost {
    const { upgrade, timeout, requestIP: addressOf, publish, subscriberCount } = this.#host
    const transport = (): FetchTransport | undefined => this.#fetchTransport
    const stats = (): WorkerStats => this.stats
    const { url } = this
    return {
      url,
      get stats() {
        return stats()
      },
      upgrade,
      timeout,
      requestIP: addressOf,
      publish,
      subscriberCount,
      inject: (request) => this.inject(request),
      reload: ({ routes, websocket }) =>
        transport()?.reload({ routes, websocket: websocket && this.#webSockets.handlersFor(websocket) }),
    }
  }

  #answerFailure(error: unknown, request: RequestHead, id: string): Response | Promise<Response> {
    this.#options.log(
      `${request.method} ${printable(request.url)} failed (request ${id}):\n${describeFailure(error)}`,
    )
    const { listen, mode } = this.#options
    // Behind a balancer, all clients may see code; on a port of the worker's own, only those that address this machine.
    const mayShow = 'unix' in listen || isToLocalHost(request.url)
    return answerFailure({ error, request, id, root: this.#root }, mayShow ? mode : 'production')
  }

  #answerUnsent(error: unknown): Response {
    const id = crypto.randomUUID()
    this.#options.log(`a response could not be sent (request ${id}):\n${describeFailure(error)}`)
    return shortPage('text', id)
  }

  async #close(options: CloseOptions): Promise<DrainReport> {
    const deadline = new Deadline(options.timeoutMs ?? this.#options.drainTimeoutMs, options.signal)
    const stoodBy = this.#activity.end()
    const report = { abandoned: await this.#stopServing(deadline) }
    await this.#withinGrace(deadline, stoodBy)
    await this.#runDrainHook(deadline)
    this.#departures?.[Symbol.dispose]()
    this.#transition('closed')
    this.#closed.resolve(report)
    return report
  }

  async #stopServing(deadline: Deadline): Promise<number> {
    if (this.#transport === undefined) return 0
    this.#transition('draining')
    return this.#drain(this.#transport, deadline)
  }

  async #drain(transport: Transport, deadline: Deadline): Promise<number> {
    transport.stopAccepting()
    this.#webSockets.restart()
    using _early = this.#endConnectionsEarly()
    await this.#untilIdle(deadline)
    if (this.#eventStreams.size > 0) {
      this.#eventStreams.endAll()
      await this.#untilIdle(new Deadline(EVENT_STREAM_GRACE_MS))
    }
    if (this.#tasks.size > 0)
      this.#options.log(`waitUntil tasks not done at the deadline: ${this.#tasks.size}`)
    const abandoned = this.#pending + this.#webSockets.size
    this.#nameUnanswered()
    this.#webSockets.terminate()
    transport.abort()
    return abandoned
  }

  /** Ends streams early in development, so that a browser's streams connect to the next generation without delay. */
  #endConnectionsEarly(): Disposable {
    if (this.#options.mode !== 'development') return { [Symbol.dispose]() {} }
    this.#eventStreams.endAll()
    const timer = setTimeout(() => {
      this.#eventStreams.endAll()
      this.#webSockets.terminate()
    }, EARLY_END_MS)
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  }

  /** Names the requests that are cut off, so that the operator can tell why. */
  #nameUnanswered(): void {
    // A request whose client has left is not cut off.
    const unanswered = (this.#dispatcher?.unanswered ?? []).filter(({ signal }) => !signal.aborted)
    for (const request of unanswered.slice(0, MAX_NAMED))
      this.#options.log(`cut off at the deadline: ${request.method} ${pathOf(request)}`)
    if (unanswered.length > MAX_NAMED)
      this.#options.log(`cut off at the deadline: ${unanswered.length - MAX_NAMED} more requests`)
  }

  async #untilIdle(deadline: Deadline): Promise<void> {
    while (this.#pending + this.#webSockets.size + this.#tasks.size > 0 && !deadline.isOver) {
      await Bun.sleep(DRAIN_POLL_MS)
    }
  }

  async #runDrainHook(deadline: Deadline): Promise<void> {
    const { onDrain, log } = this.#options
    if (onDrain === undefined) return
    const timeUp = new AbortController()
    const closed = async (): Promise<void> => void (await onDrain({ signal: timeUp.signal }))
    try {
      await this.#withinGrace(deadline, closed(), () => timeUp.abort())
    } catch (error) {
      log(`the application's close() failed: ${describeFailure(error)}`)
    }
  }

  /**
   * Waits for the application's work at its end, which gets a little time even when requests have used up the deadline.
   */
  async #withinGrace(deadline: Deadline, work: Promise<void>, onLate?: () => void): Promise<void> {
    const late = Promise.withResolvers<void>()
    const timeoutMs = Math.min(Math.max(deadline.remainingMs, CLOSE_HOOK_GRACE_MS), MAX_TIMER_MS)
    const timer = setTimeout(() => {
      onLate?.()
      late.resolve()
    }, timeoutMs)
    try {
      await Promise.race([work, late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  #transition(to: WorkerState): void {
    if (!transitions[this.#state].includes(to))
      throw new Error(`worker: ${this.#state} → ${to} is not allowed`)
    this.#state = to
  }
}

/** Whether files are all that is served. */
function hasNoApplication({ fetch, listener, nodeServer }: ResolvedWorkerOptions): boolean {
  return (fetch ?? listener ?? nodeServer) === undefined
}

function notFound(): Response {
  return new Response('Not Found\n', { status: 404 })
}

/** Applications may try to upgrade every request; this tells those that ask for it (RFC 6455 section 4.2.1). */
function asksForWebSocket({ headers }: Request): boolean {
  return headers.get('upgrade')?.toLowerCase() === 'websocket'
}
