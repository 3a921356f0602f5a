import {
  ADMIN_VERSION,
  type BalancerStatus,
  MAX_NAMED_REQUESTS,
  type RequestsReport,
} from './admin/admin-protocol.ts'
import { AdminServer } from './admin/admin-server.ts'
import { DiallingPool } from './admin/dialling-pool.ts'
import type { BalancerHooks } from './balancer-hooks.ts'
import { BALANCER_STATES, type BalancerState, type BalancerStep } from './balancer-state.ts'
import type { BalancerConfig, Duration } from './config/config.ts'
import { durationMs } from './text/quantity.ts'
import { refuseFixed } from './config/fixed-settings.ts'
import { backendDefaults, poolSettings, resolveConfig, type ResolvedConfig } from './config/resolve-config.ts'
import { configuredPlane } from './configured-plane.ts'
import type { BackendList } from './discovery/discovery.ts'
import { Membership } from './discovery/membership.ts'
import { Emitter, type BalancerEvent } from './events.ts'
import { BalancerError } from './errors.ts'
import type { DataPlane } from './exchange/data-plane.ts'
import type { ExchangeObserver } from './exchange/record.ts'
import { exchangeObserver } from './exchange-observer.ts'
import { ListenerSet } from './listener/listener-set.ts'
import { CurrentLog } from './log/current-log.ts'
import { OperatorReports } from './log/operator-reports.ts'
import { Metrics } from './metrics/metrics.ts'
import { MetricsServer } from './metrics/metrics-server.ts'
import { foreignHostText } from './pages/error-pages.ts'
import type { DrainReport } from './pool/drains.ts'
import { systemClock } from './pool/clock.ts'
import { HealthChecker } from './pool/health-checker.ts'
import { Pool } from './pool/pool.ts'
import { SideClaims } from './pool/side-claims.ts'
import { askWith, reachWith } from './pool/reach.ts'
import { LearnedKeys } from './pool/learned-keys.ts'
import { randomStickyKey, StickyNames } from './pool/sticky-names.ts'
import { BackendTlsSettings } from './tls/backend-tls.ts'
import { poolObserver } from './pool-observer.ts'
import { nextState } from './state-table.ts'
import { timeLimit } from './transport/time-limit.ts'

export interface DrainOptions {
  /** Connections still open after this are closed. @default `timeouts.drain` of the configuration */
  readonly timeout?: Duration
}

/** Listeners, a pool, and everything between them. Obtained from `createBalancer` or `balance`. */
export class Balancer implements AsyncDisposable {
  readonly pool: Pool
  private config: ResolvedConfig
  private declared: BalancerConfig
  /** Of cookies, unless the configuration has a key. */
  private readonly stickyKey = randomStickyKey()
  private readonly names: StickyNames
  private readonly learned = new LearnedKeys((message) => this.warn(message))
  private readonly hooks: BalancerHooks
  private readonly metrics = new Metrics()
  private readonly reports = new OperatorReports({
    limits: () => this.config,
    warn: (message) => this.warn(message),
    foreignHostText,
  })
  private readonly observer: ExchangeObserver
  private plane: DataPlane
  private readonly listeners: ListenerSet
  private readonly log: CurrentLog
  private health: HealthChecker | undefined
  private backendTls: BackendTlsSettings
  private readonly reach = reachWith(() => this.backendTls)
  private readonly admin: AdminServer | undefined
  private readonly metricsServer: MetricsServer | undefined
  private readonly startedAtMs = performance.now()
  private readonly membership: Membership
  private readonly events = new Emitter()
  private state: BalancerState = 'new'
  /** There is somewhere to send requests to. */
  private routed = false
  private listening: Promise<void> | undefined
  /** Changes of what is listened on, one after the other. */
  private changes: Promise<void> = Promise.resolve()
  private closing: Promise<void> | undefined
  private readonly drained = Promise.withResolvers<DrainReport>()
  /** Requests that were aborted because a drain did not last until their end. */
  private abandoned = 0

  /** @throws `CONFIG_INVALID` with every problem of the configuration */
  constructor(config: BalancerConfig, hooks: BalancerHooks = {}) {
    this.declared = config
    this.config = resolveConfig(config)
    this.names = new StickyNames(this.config.stickyKey ?? this.stickyKey)
    this.learned.use(this.config.learnedField)
    this.hooks = hooks
    this.backendTls = this.createBackendTls(this.config)
    this.log = this.createLog()
    this.observer = this.createObserver()
    this.pool = this.createPool()
    this.membership = new Membership(this.pool, { warn: (message) => this.warn(message) })
    this.plane = this.createPlane()
    if (this.config.backends.length > 0) this.membership.declare(this.config.backends)
    this.listeners = new ListenerSet(this.plane, this.config.listeners, (message) => this.warn(message))
    this.admin = this.createAdmin()
    this.metricsServer = this.createMetricsServer()
  }

  /** Address of the first listener: `http://HOST:PORT`, `https://HOST:PORT`, `unix:PATH`; `fd:N` when an inherited socket has no name. */
  get url(): string {
    return this.listeners.urls[0] ?? ''
  }

  get urls(): readonly string[] {
    return this.listeners.urls
  }

  /** Where the metrics are, if they were asked for over TCP; empty before the start. */
  get metricsUrl(): string | undefined {
    return this.metricsServer?.url
  }

  /** Resolves when every listener accepts. @throws `ADDRESS_IN_USE`, `LISTEN_FAILED`, `CLOSED` */
  async start(): Promise<void> {
    if (this.state === 'draining') throw new BalancerError('CLOSED', {})
    this.refuseClosed()
    this.enter('start')
    try {
      await this.admin?.start()
      this.refuseClosed()
      this.metricsServer?.start()
      this.enter('opened')
      if (this.isOpen && (this.routed || !this.config.acceptWhenRouted)) await this.listen()
      this.refuseClosed()
    } catch (error) {
      await this.close()
      throw error
    }
    this.enter('ready')
    this.watchHealth()
  }

  private enter(step: BalancerStep): void {
    this.state = nextState(BALANCER_STATES, this.state, step)
  }

  /** Clients may be listened to. */
  private get isOpen(): boolean {
    return this.state === 'opened' || this.state === 'ready'
  }

  private refuseClosed(): void {
    if (this.state === 'closed') throw new BalancerError('CLOSED', {})
  }

  private listen(): Promise<void> {
    return (this.listening ??= this.change(() => this.listeners.start()))
  }

  private change(run: () => Promise<void>): Promise<void> {
    const change = this.changes.then(run)
    this.changes = change.catch(() => undefined)
    return change
  }

  /** Calls back for every event of a type until disposed. */
  on<T extends BalancerEvent['type']>(
    type: T,
    listener: (event: Extract<BalancerEvent, { type: T }>) => void,
  ): Disposable {
    return this.events.on(type, listener)
  }

  /** Figures of this moment; the answer of `GET /status`. */
  status(): BalancerStatus {
    return {
      version: ADMIN_VERSION,
      pid: process.pid,
      processes: [process.pid],
      ready: this.state === 'ready' || this.state === 'draining',
      listening: this.urls,
      connections: this.metrics.connections,
      requests: this.metrics.requests,
      inFlight: this.metrics.inFlight,
      serverErrors: this.metrics.serverErrors,
      statuses: this.metrics.statusClasses,
      uptimeMs: Math.round(performance.now() - this.startedAtMs),
      certificates: this.listeners.certificates,
      generations: this.metrics.generations.all(),
      pools: [this.pool.status()],
    }
  }

  /** What is being answered, and how routes were answered lately; the answer of `GET /requests`. */
  requests(): RequestsReport {
    const inFlight = this.listeners.inFlight(performance.now())
    return {
      inFlight: inFlight.slice(0, MAX_NAMED_REQUESTS),
      inFlightCount: inFlight.length,
      generations: this.metrics.generations.routes(),
      failures: this.metrics.failures.all(),
    }
  }

  /**
   * Takes over another configuration, in one step: backends that stay keep their connections and counters,
   * connections that are open keep the limits they began with. A listener that is no longer named finishes what it has,
   * for as long as `timeouts.drain`.
   *
   * @throws `CONFIG_INVALID` when it is not valid, or changes what needs a restart; `ADDRESS_IN_USE`, `LISTEN_FAILED`,
   *   `CLOSED`; then nothing has changed
   */
  reload(config: BalancerConfig): Promise<void> {
    return this.change(() => this.takeOver(config))
  }

  private async takeOver(config: BalancerConfig): Promise<void> {
    const next = resolveConfig(config)
    refuseFixed(this.declared, config)
    const changesTls = !Bun.deepEquals(this.config.backendTls, next.backendTls, true)
    const backendTls = this.createBackendTls(next)
    const change = await this.listeners.prepare(next.listeners)
    if (this.state === 'closed') {
      await this.listeners.undo(change)
      throw new BalancerError('CLOSED', {})
    }
    const declaresBackends = !Bun.deepEquals(this.config.backends, next.backends, true)
    const changesHealth = !Bun.deepEquals(this.config.health, next.health, true)
    const changesLog = !Bun.deepEquals(this.config.accessLog, next.accessLog, true)
    this.declared = config
    this.config = next
    if (changesTls) this.backendTls = backendTls
    this.names.use(next.stickyKey ?? this.stickyKey)
    this.learned.use(next.learnedField)
    this.pool.configure(poolSettings(next))
    if (declaresBackends) this.membership.declare(next.backends)
    if (changesLog) this.log.replace(next.accessLog)
    const { claims: former } = this.plane
    this.plane = this.createPlane(this.plane)
    if (former instanceof SideClaims) this.plane.upstreams.retire(former.side)
    this.listeners.commit(change, next.timeouts.drainMs)
    this.listeners.use(this.plane)
    if (changesHealth || changesTls) this.watchHealth()
  }

  /**
   * Takes its backends from a source from now on: every list the source hands over replaces the previous one.
   * Resolves when the source has ended. See `dns` for names.
   */
  discover(source: AsyncIterable<BackendList>): Promise<void> {
    return this.membership.discover(source, () => backendDefaults(this.config))
  }

  /** Opens the file of the access log again, for log rotation. */
  async reopenLog(): Promise<void> {
    await this.log.reopen()
  }

  /** Leaves new connections to others that listen on the same socket; those open end with the request under way. */
  stopAccepting(): void {
    // Waited for by `drain` or ended by `close`.
    void this.listeners.drain()
  }

  /**
   * Stops accepting, lets every request finish, closes. What is not finished in time is aborted.
   *
   * @throws `CONFIG_INVALID` when the time limit is not a duration
   */
  async drain({ timeout = this.config.timeouts.drainMs }: DrainOptions = {}): Promise<DrainReport> {
    const limitMs = typeof timeout === 'number' ? timeout : durationMs(timeout)
    if (limitMs === undefined)
      throw new BalancerError('CONFIG_INVALID', {
        problems: [`timeout: expected milliseconds or a duration such as 30s, got "${timeout}"`],
      })
    const startedAtMs = performance.now()
    const signal = timeLimit(limitMs)
    this.enter('drain')
    signal.addEventListener('abort', () => this.noteAbandoned(), { once: true })
    const drained = this.listeners.drain(signal)
    // The program that replaces backends stops as well.
    this.pool.stopWaiting()
    await drained
    const summary = { abandoned: this.abandoned, elapsedMs: performance.now() - startedAtMs }
    this.drained.resolve(summary)
    await this.close()
    return summary
  }

  private noteAbandoned(): void {
    this.abandoned = Math.max(this.abandoned, this.metrics.inFlight)
  }

  /** Has the program that runs it drain it. */
  private leave(): Promise<DrainReport> {
    if (this.hooks.onLeave === undefined) void this.drain()
    else this.hooks.onLeave()
    return this.drained.promise
  }

  /** Cuts everything and frees every resource. Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.shutDown()
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async shutDown(): Promise<void> {
    if (this.state === 'draining') this.noteAbandoned()
    this.enter('close')
    this.membership[Symbol.dispose]()
    this.health?.[Symbol.dispose]()
    this.pool.close()
    await this.listeners.close()
    await this.changes
    this.plane.upstreams.close()
    this.plane.departures.close()
    await this.admin?.close()
    await this.metricsServer?.close()
    await this.log.close()
  }

  private createLog(): CurrentLog {
    const sink = this.hooks.logSink ?? { write: (text) => Bun.stdout.write(text) }
    return new CurrentLog(this.config.accessLog, sink, (message) => this.warn(message))
  }

  /** @throws `CONFIG_INVALID` when a file cannot be used */
  private createBackendTls({ backendTls, backends }: ResolvedConfig): BackendTlsSettings {
    const settings = new BackendTlsSettings(backendTls, (message) => this.warn(message))
    settings.check(backends.map(({ address }) => address))
    return settings
  }

  private createPool(): Pool {
    return new Pool({
      ...poolSettings(this.config),
      name: this.config.pool,
      drained: this.hooks.drained,
      names: this.names,
      learned: this.learned,
      reach: this.reach,
      ask: askWith(() => this.backendTls),
      inTurn: (call) => this.plane.turn.run(call),
      clock: { ...systemClock, nowMs: () => this.plane.turn.nowMs() },
      observer: poolObserver({
        warn: (message) => this.warn(message),
        emit: (event) => this.events.emit(event),
        leaves: (backend) => this.plane.upstreams.closeUnused(backend),
        retired: (backend) => {
          this.plane.upstreams.retire(backend)
          this.plane.departures.retire(backend)
        },
        cut: () => this.noteRouted(),
      }),
    })
  }

  /** A balancer that accepts nothing before begins to listen. */
  private noteRouted(): void {
    this.routed = true
    if (this.isOpen) this.listen().catch((error: Error) => this.warn(error.message))
  }

  private warn(message: string): void {
    this.hooks.onWarning?.(message)
    this.events.emit({ type: 'warning', message })
  }

  private watchHealth(): void {
    this.health?.[Symbol.dispose]()
    const { backendTls } = this
    this.health = this.config.health && new HealthChecker(this.pool, { ...this.config.health, backendTls })
    this.health?.start()
    if (this.health === undefined) this.pool.forgetHealth()
  }

  private createPlane(previous?: DataPlane): DataPlane {
    const { config, hooks, pool, names, learned, backendTls, observer, metrics } = this
    const warn = (message: string): void => this.warn(message)
    return configuredPlane(
      { config, hooks, pool, names, learned, backendTls, observer, metrics, warn },
      previous,
    )
  }

  private createObserver(): ExchangeObserver {
    const { metrics, reports, log } = this
    return exchangeObserver({
      metrics,
      reports,
      log,
      onEnd: (record) => this.hooks.onEnd?.(record),
      tlsFailed: (backend, reason) => this.pool.noteTlsFailure(backend, reason),
    })
  }

  private renderMetrics(): string {
    return this.metrics.render({
      pools: () => [this.pool.status()],
      certificates: () => this.listeners.certificates,
    })
  }

  private createMetricsServer(): MetricsServer | undefined {
    const address = this.config.metricsAddress
    return address && new MetricsServer(address, () => this.renderMetrics())
  }

  private createAdmin(): AdminServer | undefined {
    if (this.config.adminPath === undefined) return undefined
    const pool = new DiallingPool(this.pool, this.metrics.generations, this.reach)
    return new AdminServer(this.config.adminPath, {
      status: () => this.status(),
      requests: () => this.requests(),
      metrics: () => this.renderMetrics(),
      stopAccepting: () => this.stopAccepting(),
      leave: () => this.leave(),
      configure: (config) => this.reload(config),
      pool: (name) => {
        if (name === this.pool.name) return pool
        throw new BalancerError('POOL_UNKNOWN', { pool: name, known: [this.pool.name] })
      },
    })
  }
}

/** Prepares a balancer that listens when it is started. @throws `CONFIG_INVALID` */
export function createBalancer(config: BalancerConfig, hooks?: BalancerHooks): Balancer {
  return new Balancer(config, hooks)
}

/**
 * Starts a balancer.
 *
 * ```ts
 * await using balancer = await balance({ listen: ':8080', to: ['127.0.0.1:3000', 'unix:/run/app.sock'] })
 * ```
 *
 * @throws `CONFIG_INVALID`, `ADDRESS_IN_USE`, `LISTEN_FAILED`
 */
export async function balance(config: BalancerConfig, hooks?: BalancerHooks): Promise<Balancer> {
  const balancer = createBalancer(config, hooks)
  await balancer.start()
  return balancer
}
