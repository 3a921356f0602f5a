import type { Handler } from '../application/application.ts'
import type { ServerHost } from '../application/server-host.ts'
import { CLOSE_ANSWER_MS } from '../defaults.ts'
import { reasonOf, WorkerError } from '../errors.ts'
import { setTimeout } from '../own-timers.ts'
import { NOTICES_SUFFIX } from '../protocol.ts'
import type { StaticResponder } from '../static/static-responder.ts'
import { Activity } from './activity.ts'
import { askOverSocket } from './ask-over-socket.ts'
import { BackgroundTasks } from './background-tasks.ts'
import type { ClientAddress } from './client.ts'
import { ConcurrencyGate } from './concurrency-gate.ts'
import { Deadline } from './deadline.ts'
import { Departures } from './departures.ts'
import { Dispatcher } from './dispatcher.ts'
import { drain } from './drain.ts'
import { EventStreams } from './event-streams.ts'
import { describeFailure } from './failure.ts'
import { FailureAnswers } from './failure-answers.ts'
import { FetchTransport, type FetchTransportOptions } from './fetch-transport.ts'
import { LagEvents, type LagListener } from './lag-events.ts'
import { LongLivedGate } from './long-lived-gate.ts'
import type { NodeTransport } from './node-transport.ts'
import type { ResolvedWorkerOptions } from './options.ts'
import { clientUrl, type ContextHost, requestIP } from './request-context.ts'
import { RequestView } from './request-view.ts'
import { replacingStaleSocket } from './stale-socket.ts'
import type { Transport } from './transport.ts'
import { Upgrades } from './upgrades.ts'
import { WebSockets } from './web-sockets.ts'
import { withinGrace } from './within-grace.ts'
import type { CloseOptions, DrainReport, Worker, WorkerStats } from './worker.ts'
import { changedState, type WorkerState } from './worker-state.ts'

/** A worker, from its creation to its end. */
export class ServingWorker implements Worker {
  readonly #options: ResolvedWorkerOptions
  readonly #closed = Promise.withResolvers<DrainReport>()
  readonly #gate: ConcurrencyGate
  readonly #longLived: LongLivedGate
  readonly #eventStreams: EventStreams
  readonly #webSockets: WebSockets
  readonly #tasks: BackgroundTasks
  readonly #activity: Activity
  readonly #upgrades: Upgrades
  readonly #failures: FailureAnswers
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
    this.#failures = new FailureAnswers(options)
    const addressOf = (request: Request): ClientAddress | null =>
      requestIP(request, options.trustForwarded) ?? this.#fetchTransport?.requestIP(request) ?? null
    this.#upgrades = new Upgrades({
      longLived: this.#longLived,
      addressOf,
      transport: () => this.#fetchTransport,
    })
    this.#host = this.#createHost(options, addressOf)
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
    return askOverSocket(request, this.#options.listen, this.url)
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
    await bundlePages(bundledPages(routes), (path) =>
      askOverSocket(new Request(`http://localhost${path}`), this.#options.listen, this.url),
    )
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
          this.#failures.answer(error, request, request.headers.get('x-request-id') ?? crypto.randomUUID()),
      }))
    }
    return (this.#fetchTransport = new FetchTransport({
      ...this.#options,
      websocket: this.#options.websocket && this.#webSockets.handlersFor(this.#options.websocket),
      routes: this.#options.routes,
      answer: this.#answering(files),
      onUnsent: (error) => this.#dispatcher?.answerUnsent(error) ?? this.#failures.unsent(error),
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
      view: this.#createView(),
      departures: this.#departures,
      isDraining: () => this.#closing !== undefined,
      isUpgraded: (request) => this.#upgrades.isUpgraded(request),
      isUpgradeRefused: (request) => this.#upgrades.isRefused(request),
      onFailure: (error, request, id) => this.#failures.answer(error, request, id),
      onUnsent: (error) => this.#failures.unsent(error),
    })
  }

  /** Absent where Bun knows as much as the worker. */
  #createView(): RequestView | undefined {
    const { trustForwarded } = this.#options
    const departures = this.#departures
    if (trustForwarded === false && departures === undefined) return undefined
    return new RequestView({
      ...(trustForwarded !== false && { url: (request) => clientUrl(request, trustForwarded) }),
      ...(departures !== undefined && { signal: (request) => departures.signalOf(request) }),
    })
  }

  #createHost(
    { workerId, generation, trustForwarded, mode, topics }: ResolvedWorkerOptions,
    addressOf: ContextHost['requestIP'],
  ): ContextHost {
    return {
      workerId,
      generation,
      trustForwarded,
      standby: () => this.#activity.signal,
      waitUntil: (task) => this.#tasks.add(task),
      upgrade: (request, options) => this.#upgrades.upgrade(request, options),
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

  async #close(options: CloseOptions): Promise<DrainReport> {
    const deadline = new Deadline(options.timeoutMs ?? this.#options.drainTimeoutMs, options.signal)
    const stoodBy = this.#activity.end()
    const report = { abandoned: await this.#stopServing(deadline) }
    await withinGrace(deadline, stoodBy)
    await this.#runDrainHook(deadline)
    this.#departures?.[Symbol.dispose]()
    this.#transition('closed')
    this.#closed.resolve(report)
    return report
  }

  async #stopServing(deadline: Deadline): Promise<number> {
    if (this.#transport === undefined) return 0
    this.#transition('draining')
    return drain(this.#transport, deadline, {
      webSockets: this.#webSockets,
      eventStreams: this.#eventStreams,
      tasks: this.#tasks,
      pending: () => this.#pending,
      unanswered: () => this.#dispatcher?.unanswered ?? [],
      mode: this.#options.mode,
      log: this.#options.log,
    })
  }

  async #runDrainHook(deadline: Deadline): Promise<void> {
    const { onDrain, log } = this.#options
    if (onDrain === undefined) return
    const timeUp = new AbortController()
    const closed = async (): Promise<void> => void (await onDrain({ signal: timeUp.signal }))
    try {
      await withinGrace(deadline, closed(), () => timeUp.abort())
    } catch (error) {
      log(`the application's close() failed: ${describeFailure(error)}`)
    }
  }

  #transition(to: WorkerState): void {
    this.#state = changedState(this.#state, to)
  }
}

/** Whether files are all that is served. */
function hasNoApplication({ fetch, listener, nodeServer }: ResolvedWorkerOptions): boolean {
  return (fetch ?? listener ?? nodeServer) === undefined
}

function notFound(): Response {
  return new Response('Not Found\n', { status: 404 })
}
