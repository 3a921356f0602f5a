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
import type { Backend, ClaimRefusal, Claimant, Claims, LongLived, Outcome } from './claim.ts'
import { systemClock, type PoolClock } from './clock.ts'
import { Comparison } from './comparison.ts'
import { Drains, type DrainResult } from './drains.ts'
import { Ejector } from './ejector.ts'
import { Generations } from './generations.ts'
import { HeldPlaces } from './held-places.ts'
import type { Member, MemberSpec } from './member.ts'
import {
  DEFAULT_EJECTION,
  silentObserver,
  type PoolObserver,
  type PoolOptions,
  type PoolSettings,
} from './pool-options.ts'
import { describeMember, type PoolSnapshot } from './pool-snapshot.ts'
import { askWith, reachWith } from './reach.ts'
import { RetryBudget } from './retry-budget.ts'
import { SlowStart } from './slow-start.ts'
import { StickyNames } from './sticky-names.ts'
import { WaitingQueue } from './waiting-queue.ts'

const NO_BACKENDS: readonly Backend[] = []
/** Of pools that are told nothing about TLS. */
const PLAIN = new BackendTlsSettings()

/**
 * Backends in generations of which one serves, and one queue in front of them. Choosing and counting happen in
 * the same tick; a freed slot goes straight to the request that has waited longest.
 *
 * The pool keeps the counts. Which backends there are is kept by `Generations`, one of them is chosen by `Chooser`, requests
 * wait in `WaitingQueue`, and `Ejector` judges by its answers whether a backend stays.
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
  /** Who drained which backend, by its id. */
  private readonly drained: Map<string, string>
  private waits = false
  private closed = false

  constructor(options: PoolOptions = {}) {
    const { random = Math.random, names = new StickyNames() } = options
    this.name = options.name ?? DEFAULT_POOL
    this.clock = options.clock ?? systemClock
    this.observer = { ...silentObserver, ...options.observer }
    this.drained = new Map(options.drained)
    const { clock, observer, held } = this
    const generations = new Generations({
      pool: this.name,
      clock,
      drainedBy: (id) => this.drained.get(id),
      retired: (member) => observer.retired(member),
    })
    const slowStart = new SlowStart(clock)
    const comparison = new Comparison(clock, options.tossCoin ?? fairCoin)
    const ejector = new Ejector(
      clock,
      observer,
      { members: () => generations.rotation, changed: () => this.membersChanged() },
      options.reach ?? reachWith(() => PLAIN),
      options.ask ?? askWith(() => PLAIN),
    )
    this.generations = generations
    this.slowStart = slowStart
    this.comparison = comparison
    this.ejector = ejector
    this.chooser = new Chooser({ random, names, clock, generations, comparison, ejector, slowStart, held })
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
    const member = this.queue.length === 0 ? this.chooser.choose(claimant, tried) : undefined
    if (member !== undefined)
      return this.lacksRoom(claimant, member) ? 'long-lived-backend' : this.take(member)
    if (!this.mayWait) return 'no-backend'
    if (this.queue.isFull) return 'queue-full'
    this.queue.join(claimant)
    return 'queued'
  }

  hasOther(backend: Backend): boolean {
    return this.chooser.hasOther(backend)
  }

  withdraw(claimant: Claimant): void {
    this.queue.leave(claimant)
  }

  release(backend: Backend, outcome: Outcome, trial = false): void {
    const member = this.leavePlace(backend)
    if (!member.leaving) this.ejector.judge(member, outcome, trial)
    this.left(member)
    this.queue.serve()
  }

  hasRoom(backend: Backend): boolean {
    return this.held.hasRoom(backend as Member)
  }

  hold(backend: Backend, kind: LongLived, trial = false): void {
    const member = this.leavePlace(backend)
    this.held.add(member, kind)
    if (!member.leaving) this.ejector.judge(member, 'ok', trial)
    this.queue.serve()
  }

  letGo(backend: Backend, kind: LongLived, outcome: Outcome): void {
    const member = backend as Member
    this.held.remove(member, kind)
    // That it answered well was noted when it was held.
    if (!member.leaving && outcome !== 'ok') this.ejector.judge(member, outcome, false)
    this.left(member)
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
    for (const member of this.members) if (member.isUsed) busy += member.inFlight
    return busy * 2 > this.capacity
  }

  get capacity(): number {
    return this.slowStart.capacityOfAll(this.members)
  }

  /** Why the request that has waited longest gets no backend, or its backend; `undefined` while it has to wait. */
  private serve(claimant: Claimant): Member | ClaimRefusal | undefined {
    const member = this.chooser.choose(claimant, NO_BACKENDS)
    if (member === undefined) return this.mayWait ? undefined : 'no-backend'
    return this.lacksRoom(claimant, member) ? 'long-lived-backend' : this.take(member)
  }

  private get mayWait(): boolean {
    return this.waits || this.chooser.someMayBecomeFree
  }

  /** It would become a tunnel where there are as many as there may be. Waiting for one of those to end takes too long. */
  private lacksRoom(claimant: Claimant, member: Member): boolean {
    return claimant.asksForTunnel && !this.held.hasRoom(member)
  }

  private take(member: Member): Member {
    member.onTrial = member.ejection !== undefined
    // Reading the clock costs as much as half of the rest: that is for those who are not busy.
    if (member.inFlight === 0) member.quiet.begin(this.clock.nowMs())
    member.quiet.unanswered++
    member.inFlight++
    member.requests++
    return member
  }

  private leavePlace(backend: Backend): Member {
    // Every backend the data plane has was handed out by `claim`.
    const member = backend as Member
    if (member.inFlight === 0) throw new Error(`${member.id} was released more often than it was claimed`)
    member.inFlight--
    return member
  }

  private left(member: Member): void {
    if (member.leaving && member.underWay === 0) this.generations.forget(member)
    else if (member.drainedBy !== undefined && member.underWay === 0) this.observer.emptied(member)
    this.drains.settle()
  }

  // --- generations

  /** The generation that serves. */
  get generation(): string | undefined {
    return this.generations.serving
  }

  /** Backends in rotation. */
  get members(): readonly Member[] {
    return this.generations.rotation
  }

  /**
   * Declares the complete set of backends of a generation. Those of the generation that serves enter and leave
   * rotation at once; those of any other are kept out of it.
   *
   * @returns those that were not declared before
   * @throws `BACKEND_DUPLICATE` when two have the same id
   */
  prepare(generation: string | undefined, specs: readonly MemberSpec[]): readonly Backend[] {
    const added = this.generations.prepare(generation, specs)
    if (generation === this.generation) this.membersChanged()
    return added
  }

  /** All new requests go to this generation from now on. @throws `GENERATION_UNKNOWN` when it was not prepared */
  cut(generation: string | undefined): void {
    this.refuseUnknown(generation)
    this.generations.serve(generation)
    this.comparison.end()
    this.membersChanged()
    this.observer.cut(generation ?? null)
  }

  /**
   * Takes a generation out and resolves when nothing is in flight or held there, or when the signal aborts.
   *
   * @throws `GENERATION_SERVING`
   */
  drain(generation: string, signal: AbortSignal): Promise<DrainResult> {
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

  private membersChanged(): void {
    this.queue.serve()
    // Backends that start slowly grow at other times than those before.
    if (this.slowStart.durationMs > 0) this.queue.resetTimer()
  }

  // --- what becomes of single backends

  /**
   * Nobody answered there: it gets nothing but a try now and then, unless nothing else is left.
   *
   * @param reason why, where that is known
   */
  putAside(backend: Backend, reason?: string): void {
    const member = backend as Member
    const tlsFailure = reason !== undefined && isTlsFailure(reason) ? reason : undefined
    if (!member.leaving) this.ejector.putAside(member, tlsFailure)
  }

  /** Why an attempt at the backend failed, before it is released. @param reason as `tlsFailure` writes it */
  noteTlsFailure(id: string, reason: string): void {
    for (const member of this.generations.all())
      if (member.id === id && member.inFlight > 0) member.tlsFailure = reason
  }

  /** Result of an active health check. @param reason what it said against the backend, or why it is well again */
  setHealth(backend: Backend, healthy: boolean, reason?: string): void {
    const member = backend as Member
    member.illness = healthy ? undefined : (reason ?? member.illness)
    if (member.healthy === healthy) return
    member.healthy = healthy
    if (healthy) member.joinedAtMs = this.clock.nowMs()
    if (healthy) this.ejector.noteRecovered(member)
    this.observer.health(member, healthy, reason ?? member.illness)
    this.membersChanged()
  }

  /** There are no health checks any more: all backends are as good as those that were never checked. */
  forgetHealth(): void {
    for (const member of this.generations.all()) {
      member.ailing = false
      this.setHealth(member, true, 'nobody checks it any more')
    }
  }

  /** Result of one active health check, which does not take a backend out yet, or bring it back. */
  noteCheck(backend: Backend, passed: boolean): void {
    const member = backend as Member
    member.ailing = !passed
    this.chooser.anyoneAils = this.members.some(({ ailing }) => ailing)
    if (passed) this.ejector.noteReached(member)
  }

  /**
   * Backends of this id take nothing new, in whatever generation and however often they are declared again, until they
   * are undrained; what is under way there ends in its own time.
   *
   * @returns what is under way there, tunnels and event streams included
   * @throws `BACKEND_UNKNOWN`
   */
  drainBackend(id: string, by: string): number {
    const members = this.generations.named(id)
    this.drained.set(id, by)
    for (const member of members) {
      if (member.drainedBy !== undefined) continue
      member.drainedBy = by
      this.observer.drained(member, by, member.underWay)
      if (member.underWay === 0) this.observer.emptied(member)
    }
    // A request that waits for the last backend that was left waits in vain.
    this.queue.serve()
    return members.reduce((count, { underWay }) => count + underWay, 0)
  }

  /** They take requests again. @throws `BACKEND_UNKNOWN` */
  undrainBackend(id: string, by: string): void {
    const members = this.generations.named(id)
    this.drained.delete(id)
    for (const member of members) {
      if (member.drainedBy === undefined) continue
      member.drainedBy = undefined
      member.joinedAtMs = this.clock.nowMs()
      this.observer.undrained(member, by)
    }
    this.membersChanged()
  }

  // --- the whole

  get inFlight(): number {
    return this.generations.all().reduce((count, { inFlight }) => count + inFlight, 0)
  }

  snapshot(): PoolSnapshot {
    const all = this.generations.all()
    return {
      name: this.name,
      generation: this.generation ?? null,
      queued: this.queue.length,
      inFlight: this.inFlight,
      tunnels: all.reduce((count, { held }) => count + held.tunnel, 0),
      eventStreams: all.reduce((count, { held }) => count + held['event-stream'], 0),
      ejections: this.ejector.count,
      backends: all.map((member) => describeMember(member, this.generation)),
    }
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

/** The next result cannot be told from those before. */
const fairCoin = (): boolean => crypto.getRandomValues(new Uint8Array(1))[0]! % 2 === 1
