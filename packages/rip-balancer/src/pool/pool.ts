import {
  DEFAULT_POLICY,
  DEFAULT_POOL,
  DEFAULT_QUEUE_LENGTH,
  DEFAULT_QUEUE_TIMEOUT_MS,
  DEFAULT_LIMITS,
  DEFAULT_SLOW_START_MS,
} from '../defaults.ts'
import { BalancerError } from '../errors.ts'
import { BackendTlsSettings } from '../tls/backend-tls.ts'
import { isTlsFailure } from '../tls/tls-failure.ts'
import { Chooser } from './chooser.ts'
import type { Backend } from '../upstream/backend.ts'
import type { ClaimRefusal, Claimant, Claims, LongLived, Outcome } from './claim.ts'
import { systemClock, type PoolClock } from './clock.ts'
import { Comparison } from './comparison.ts'
import { Drains, type GenerationDrainReport } from './drains.ts'
import { Ejector } from './ejector.ts'
import { Generations } from './generations.ts'
import { HealthResults } from './health-results.ts'
import { HeldPlaces } from './held-places.ts'
import { LearnedKeys } from './learned-keys.ts'
import { OperatorDrains } from './operator-drains.ts'
import type { PooledBackend, BackendSpec } from './pooled-backend.ts'
import {
  DEFAULT_EJECTION,
  silentObserver,
  type PoolObserver,
  type PoolOptions,
  type PoolSettings,
} from './pool-options.ts'
import { poolStatus, type PoolStatus } from './pool-status.ts'
import { askWith, reachWith } from './reach.ts'
import { RetryBudget } from './retry-budget.ts'
import { SlowStart } from './slow-start.ts'
import { StickyNames } from './sticky-names.ts'
import { WaitingQueue } from './waiting-queue.ts'

const NO_BACKENDS: readonly Backend[] = []
/** TLS settings of a pool that is given none. */
const PLAIN = new BackendTlsSettings()

/**
 * Backends in generations of which one serves, and one queue in front of them. Choosing and counting happen in
 * the same tick; a freed slot goes straight to the request that has waited longest.
 *
 * It says who does what when something happens. Which backends there are is kept by `Generations`, one of them is chosen by
 * `Chooser`, requests wait in `WaitingQueue`. Whether a backend takes requests is judged by `Ejector` from its answers, by
 * `HealthResults`, and by an operator, whose word `OperatorDrains` keeps.
 */
export class Pool implements Claims {
  readonly name: string
  private readonly clock: PoolClock
  private readonly observer: PoolObserver
  private readonly generations: Generations
  private readonly slowStart: SlowStart
  private readonly held = new HeldPlaces()
  private readonly comparison: Comparison
  private readonly ejector: Ejector
  private readonly chooser: Chooser
  private readonly queue: WaitingQueue
  private readonly drains: Drains
  private readonly budget = new RetryBudget()
  private readonly drained: OperatorDrains
  private readonly health: HealthResults
  private waits = false
  private closed = false

  constructor(options: PoolOptions = {}) {
    const { random = Math.random, names = new StickyNames(), learned = new LearnedKeys() } = options
    this.name = options.name ?? DEFAULT_POOL
    this.clock = options.clock ?? systemClock
    this.observer = { ...silentObserver, ...options.observer }
    const { clock, observer, held } = this
    this.drained = new OperatorDrains(options.drained, clock, observer)
    const generations = new Generations({
      pool: this.name,
      clock,
      drainedBy: (id) => this.drained.by(id),
      leaves: (backend) => observer.leaves(backend),
      retired: (backend) => observer.retired(backend),
    })
    const slowStart = new SlowStart(clock)
    const comparison = new Comparison(clock, options.tossCoin ?? fairCoin)
    const ejector = new Ejector(
      clock,
      observer,
      { backends: () => generations.rotation, changed: () => this.backendsChanged() },
      options.reach ?? reachWith(() => PLAIN),
      options.ask ?? askWith(() => PLAIN),
    )
    this.generations = generations
    this.slowStart = slowStart
    this.comparison = comparison
    this.ejector = ejector
    this.health = new HealthResults(clock, observer, ejector)
    this.chooser = new Chooser({
      random,
      names,
      learned,
      clock,
      generations,
      comparison,
      ejector,
      slowStart,
      held,
    })
    this.queue = new WaitingQueue(clock, options.inTurn ?? ((call) => call()), {
      serve: (claimant) => this.serve(claimant),
      growsInMs: () => slowStart.growsInMs(generations.rotation),
    })
    this.drains = new Drains(clock, (generation) => generations.unfinishedOf(generation))
    this.configure(options)
  }

  /** Applies other settings; backends, waiting requests and what is in flight stay. */
  configure(settings: PoolSettings): void {
    this.chooser.use(settings.policy ?? DEFAULT_POLICY)
    this.held.maxPerBackend = settings.maxLongLivedPerBackend ?? DEFAULT_LIMITS.maxLongLivedPerBackend
    this.queue.maxLength = settings.queueLength ?? DEFAULT_QUEUE_LENGTH
    this.queue.timeoutMs = settings.queueTimeoutMs ?? DEFAULT_QUEUE_TIMEOUT_MS
    this.slowStart.durationMs = settings.slowStartMs ?? DEFAULT_SLOW_START_MS
    this.waits = this.chooser.awaitsReplacements = settings.waitForBackends ?? false
    this.ejector.options = { ...DEFAULT_EJECTION, ...settings.ejection }
    this.queue.resetTimer()
    this.queue.serve()
  }

  // --- claims

  claim(claimant: Claimant, tried: readonly Backend[] = NO_BACKENDS): Backend | 'queued' | ClaimRefusal {
    if (this.closed) return 'closing'
    this.budget.earn()
    const backend = this.queue.length === 0 ? this.chooser.choose(claimant, tried) : undefined
    if (backend !== undefined)
      return this.lacksRoom(claimant, backend) ? 'long-lived-backend' : this.take(backend)
    if (!this.mayWait) return 'no-backend'
    if (this.queue.isFull) return 'queue-full'
    this.queue.join(claimant)
    return 'queued'
  }

  hasOther(claimed: Backend): boolean {
    return this.chooser.hasOther(claimed)
  }

  withdraw(claimant: Claimant): void {
    this.queue.leave(claimant)
  }

  release(claimed: Backend, outcome: Outcome, trial = false): void {
    const backend = this.leavePlace(claimed)
    if (!backend.leaving) this.ejector.judge(backend, outcome, trial)
    this.left(backend)
    this.queue.serve()
  }

  hasRoom(claimed: Backend): boolean {
    return this.held.hasRoom(claimed as PooledBackend)
  }

  hold(claimed: Backend, kind: LongLived, trial = false): void {
    const backend = this.leavePlace(claimed)
    this.held.add(backend, kind)
    if (!backend.leaving) this.ejector.judge(backend, 'ok', trial)
    this.queue.serve()
  }

  letGo(claimed: Backend, kind: LongLived, outcome: Outcome): void {
    const backend = claimed as PooledBackend
    this.held.remove(backend, kind)
    // That it answered well was noted when it was held.
    if (!backend.leaving && outcome !== 'ok') this.ejector.judge(backend, outcome, false)
    this.left(backend)
  }

  mayRetry(): boolean {
    return this.budget.spend()
  }

  get waitsForBackends(): boolean {
    return this.waits
  }

  get queued(): number {
    return this.queue.length
  }

  get isPressed(): boolean {
    if (this.queue.length > 0) return true
    let busy = 1
    for (const backend of this.backends) if (backend.isUsed) busy += backend.inFlight
    return busy * 2 > this.capacity
  }

  get capacity(): number {
    return this.slowStart.capacityOfAll(this.backends)
  }

  /** Why the request that has waited longest gets no backend, or its backend; `undefined` while it has to wait. */
  private serve(claimant: Claimant): PooledBackend | ClaimRefusal | undefined {
    const backend = this.chooser.choose(claimant, NO_BACKENDS)
    if (backend === undefined) return this.mayWait ? undefined : 'no-backend'
    return this.lacksRoom(claimant, backend) ? 'long-lived-backend' : this.take(backend)
  }

  private get mayWait(): boolean {
    return this.waits || this.chooser.someMayBecomeFree
  }

  /** Whether the request asks for a tunnel, and the backend holds as many as it may. Waiting for one to end would take too long. */
  private lacksRoom(claimant: Claimant, backend: PooledBackend): boolean {
    return claimant.asksForTunnel && !this.held.hasRoom(backend)
  }

  private take(backend: PooledBackend): PooledBackend {
    backend.take(this.clock)
    return backend
  }

  private leavePlace(claimed: Backend): PooledBackend {
    // Every backend the data plane has was handed out by `claim`.
    const backend = claimed as PooledBackend
    backend.leave()
    return backend
  }

  private left(backend: PooledBackend): void {
    if (backend.leaving && backend.underWay === 0) this.generations.forget(backend)
    else this.drained.noteEnd(backend)
    this.drains.settle()
  }

  // --- generations

  /** The generation that serves. */
  get generation(): string | undefined {
    return this.generations.serving
  }

  /** Backends in rotation. */
  get backends(): readonly PooledBackend[] {
    return this.generations.rotation
  }

  /**
   * Declares the complete set of backends of a generation. Those of the generation that serves enter and leave
   * rotation at once; those of any other are kept out of it.
   *
   * @returns those that were not declared before
   * @throws `BACKEND_DUPLICATE` when two have the same id
   */
  prepare(generation: string | undefined, specs: readonly BackendSpec[]): readonly Backend[] {
    const added = this.generations.prepare(generation, specs)
    if (generation === this.generation) this.backendsChanged()
    return added
  }

  /** All new requests go to this generation from now on. @throws `GENERATION_UNKNOWN` when it was not prepared */
  cut(generation: string | undefined): void {
    this.refuseUnknown(generation)
    this.generations.serve(generation)
    this.comparison.end()
    this.backendsChanged()
    this.observer.cut(generation ?? null)
  }

  /**
   * Takes a generation out and resolves when nothing is in flight or held there, or when the signal aborts.
   *
   * @throws `GENERATION_SERVING`
   */
  drain(generation: string, signal: AbortSignal): Promise<GenerationDrainReport> {
    this.refuseServing(generation)
    this.generations.remove(generation)
    return this.drains.begin(generation, signal)
  }

  /**
   * Draws lots: half of the requests, by chance, go to a generation that was prepared and does not serve, to tell
   * whether it would answer them better. Goes on for `forMs` from the last call, until the next `cut` at most.
   *
   * @returns number of the comparison, from 1 on
   * @throws `GENERATION_UNKNOWN` when it was not prepared, `GENERATION_SERVING`
   */
  compare(generation: string, forMs: number): number {
    this.refuseUnknown(generation)
    this.refuseServing(generation)
    const number = this.comparison.begin(generation, forMs)
    this.queue.serve()
    return number
  }

  private refuseUnknown(generation: string | undefined): void {
    if (!this.generations.has(generation))
      throw new BalancerError('GENERATION_UNKNOWN', { pool: this.name, generation: String(generation) })
  }

  private refuseServing(generation: string): void {
    if (generation === this.generation)
      throw new BalancerError('GENERATION_SERVING', { pool: this.name, generation })
  }

  private backendsChanged(): void {
    this.queue.serve()
    // Backends that start slowly grow at other times than the previous ones.
    if (this.slowStart.durationMs > 0) this.queue.resetTimer()
  }

  // --- changes of single backends

  /**
   * The backend could not be reached: it gets nothing but a try now and then, unless nothing else is left.
   *
   * @param reason why, where that is known
   */
  putAside(which: Backend, reason?: string): void {
    const backend = which as PooledBackend
    const tlsFailure = reason !== undefined && isTlsFailure(reason) ? reason : undefined
    if (!backend.leaving) this.ejector.putAside(backend, tlsFailure)
  }

  /** Why an attempt at the backend failed, before it is released. @param reason as `tlsFailure` writes it */
  noteTlsFailure(id: string, reason: string): void {
    for (const backend of this.generations.all())
      if (backend.id === id && backend.inFlight > 0) backend.tlsFailure = reason
  }

  /** Result of an active health check. @param reason what it said against the backend, or why it is well again */
  setHealth(which: Backend, healthy: boolean, reason?: string): void {
    if (this.health.set(which as PooledBackend, healthy, reason)) this.backendsChanged()
  }

  /** There are no health checks any more: all backends are as good as those that were never checked. */
  forgetHealth(): void {
    for (const backend of this.generations.all()) {
      backend.ailing = false
      this.setHealth(backend, true, 'its health checks were switched off')
    }
  }

  /** Result of one active health check, which does not take a backend out yet, or bring it back. */
  noteCheck(which: Backend, passed: boolean): void {
    this.health.note(which as PooledBackend, passed)
    this.chooser.anyoneAils = this.backends.some(({ ailing }) => ailing)
  }

  /**
   * Backends of this id take nothing new, in whatever generation and however often they are declared again, until they
   * are undrained; what is under way there ends in its own time.
   *
   * @returns what is under way there, tunnels and event streams included
   * @throws `BACKEND_UNKNOWN`
   */
  drainBackend(id: string, by: string): number {
    const underWay = this.drained.drain(id, by, this.generations.named(id))
    // A request that waits for the last backend that was left waits in vain.
    this.queue.serve()
    return underWay
  }

  /** Backends of this id take requests again. @throws `BACKEND_UNKNOWN` */
  undrainBackend(id: string, by: string): void {
    this.drained.undrain(id, by, this.generations.named(id))
    this.backendsChanged()
  }

  // --- the whole

  get inFlight(): number {
    return this.generations.all().reduce((count, { inFlight }) => count + inFlight, 0)
  }

  status(): PoolStatus {
    const { name, generation, queued, inFlight } = this
    const facts = { name, generation, queued, inFlight, ejections: this.ejector.count }
    return poolStatus(facts, this.generations.all())
  }

  /** No backend comes any more: requests wait neither for one that has not been declared, nor for a dead one to be replaced. */
  stopWaiting(): void {
    this.waits = this.chooser.awaitsReplacements = false
    this.queue.serve()
  }

  /** Refuses all requests that wait or come; those in flight are not touched. Idempotent. */
  close(): void {
    this.closed = true
    this.ejector.close()
    this.queue.close()
    this.drains.giveUp()
  }
}

/** The next result cannot be predicted from earlier ones. */
const fairCoin = (): boolean => crypto.getRandomValues(new Uint8Array(1))[0]! % 2 === 1
