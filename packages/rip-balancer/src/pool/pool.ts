import {
  DEFAULT_LIMITS,
  DEFAULT_POLICY,
  DEFAULT_POOL,
  DEFAULT_QUEUE_LENGTH,
  DEFAULT_QUEUE_TIMEOUT_MS,
  DEFAULT_SLOW_START_MS,
} from '../defaults.ts'
import { BalancerError } from '../errors.ts'
import { BackendTlsSettings } from '../tls/backend-tls.ts'
import { isTlsFailure } from '../tls/tls-failure.ts'
import type { Backend, ClaimRefusal, Claimant, Claims, LongLived, Outcome } from './claim.ts'
import { ClaimQueue } from './claim-queue.ts'
import { systemClock, type PoolClock } from './clock.ts'
import { Drains, type DrainResult } from './drains.ts'
import { isCertain } from './ejection.ts'
import { Ejector } from './ejector.ts'
import { Member, type MemberSpec } from './member.ts'
import { bindsClients, LeastHeld } from './least-held.ts'
import { createPolicy, type Policy, type PolicyName } from './policy.ts'
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
import { StickyNames } from './sticky-names.ts'

/**
 * Backends in generations of which one serves, and one queue in front of them. Choosing and counting happen in
 * the same tick; a freed slot goes straight to who has waited longest.
 */
export class Pool implements Claims {
  readonly name: string
  private policy: Policy
  private policyName: PolicyName = DEFAULT_POLICY
  private readonly names: StickyNames
  private readonly leastHeld = new LeastHeld()
  private maxLongLived = DEFAULT_LIMITS.maxLongLivedPerBackend
  /** Tunnels and event streams of all members. */
  private longLived = 0
  private queueTimeoutMs = DEFAULT_QUEUE_TIMEOUT_MS
  private slowStartMs = DEFAULT_SLOW_START_MS
  private waits = false
  private readonly queue = new ClaimQueue(DEFAULT_QUEUE_LENGTH)
  private readonly random: () => number
  private readonly tossCoin: () => boolean
  private readonly clock: PoolClock
  private readonly observer: PoolObserver
  private readonly inTurn: (call: () => void) => void
  private readonly budget = new RetryBudget()
  /** Members by generation; `undefined` is the key of backends without one. */
  private readonly generations = new Map<string | undefined, Member[]>()
  /** Undeclared members that are not done. */
  private readonly leaving = new Set<Member>()
  private readonly drains: Drains
  private readonly ejector: Ejector
  /** Somebody in rotation failed the last health check. */
  private anyoneAils = false
  /** Who drained which backend, by its id. */
  private readonly drained = new Map<string, string>()
  private serving: string | undefined
  /** Between which generation and the one that serves lots are drawn, and until when. */
  private comparison: { readonly number: number; readonly generation: string; untilMs: number } | undefined
  private comparisons = 0
  private rotation: Member[] = []
  private tried: readonly Backend[] = NOBODY
  private claimant: Claimant | undefined
  private queueTimer: Disposable | undefined
  private closed = false

  constructor(options: PoolOptions = {}) {
    this.name = options.name ?? DEFAULT_POOL
    this.random = options.random ?? Math.random
    this.tossCoin = options.tossCoin ?? fairCoin
    this.clock = options.clock ?? systemClock
    this.observer = { ...silentObserver, ...options.observer }
    this.inTurn = options.inTurn ?? ((call) => call())
    this.names = options.names ?? new StickyNames()
    this.policy = createPolicy(this.policyName, { random: this.random, names: this.names })
    this.drains = new Drains(this.clock, (generation) => this.unfinishedOf(generation))
    this.ejector = new Ejector(
      this.clock,
      this.observer,
      {
        members: () => this.rotation,
        changed: () => this.membersChanged(),
      },
      options.reach ?? reachWith(() => PLAIN),
      options.ask ?? askWith(() => PLAIN),
    )
    for (const [id, by] of options.drained ?? []) this.drained.set(id, by)
    this.configure(options)
  }

  /** Applies other settings; members, who waits and what is in flight stay. */
  configure(settings: PoolSettings): void {
    this.usePolicy(settings.policy ?? DEFAULT_POLICY)
    this.maxLongLived = settings.maxLongLivedPerBackend ?? DEFAULT_LIMITS.maxLongLivedPerBackend
    this.queue.maxLength = settings.queueLength ?? DEFAULT_QUEUE_LENGTH
    this.queueTimeoutMs = settings.queueTimeoutMs ?? DEFAULT_QUEUE_TIMEOUT_MS
    this.slowStartMs = settings.slowStartMs ?? DEFAULT_SLOW_START_MS
    this.waits = settings.waitForBackends ?? false
    this.ejector.options = { ...DEFAULT_EJECTION, ...settings.ejection }
    this.resetQueueTimer()
    this.serveQueue()
  }

  claim(claimant: Claimant, tried: readonly Backend[] = NOBODY): Backend | 'queued' | ClaimRefusal {
    if (this.closed) return 'closing'
    this.budget.earn()
    const member = this.queue.length === 0 ? this.choose(claimant, tried) : undefined
    if (member !== undefined)
      return this.lacksRoom(claimant, member) ? 'long-lived-backend' : this.take(member)
    if (!this.mayWait()) return 'no-backend'
    if (this.queue.isFull) return 'queue-full'
    this.queue.join(claimant, this.clock.nowMs())
    this.armQueueTimer()
    return 'queued'
  }

  hasOther(backend: Backend): boolean {
    this.tried = NOBODY
    const isOther = (member: Member): boolean => member !== backend && this.isEligible(member)
    return this.rotation.some(isOther) || this.compared().some(isOther)
  }

  withdraw(claimant: Claimant): void {
    this.queue.leave(claimant)
  }

  release(backend: Backend, outcome: Outcome, trial = false): void {
    const member = this.leavePlace(backend)
    if (!member.leaving) this.ejector.judge(member, outcome, trial)
    this.left(member)
    this.serveQueue()
  }

  hasRoom(backend: Backend): boolean {
    return (backend as Member).longLived < this.maxLongLived
  }

  hold(backend: Backend, kind: LongLived, trial = false): void {
    const member = this.leavePlace(backend)
    member.held[kind]++
    this.longLived++
    if (!member.leaving) this.ejector.judge(member, 'ok', trial)
    this.serveQueue()
  }

  letGo(backend: Backend, kind: LongLived, outcome: Outcome): void {
    const member = backend as Member
    if (member.held[kind] === 0) throw new Error(`${member.id} was let go of more often than it was held`)
    member.held[kind]--
    this.longLived--
    // That it answered well was noted when it was held.
    if (!member.leaving && outcome !== 'ok') this.ejector.judge(member, outcome, false)
    this.left(member)
  }

  private leavePlace(backend: Backend): Member {
    // Every backend the data plane holds was handed out by `claim`.
    const member = backend as Member
    if (member.inFlight === 0) throw new Error(`${member.id} was released more often than it was claimed`)
    member.inFlight--
    return member
  }

  private left(member: Member): void {
    if (member.leaving && member.underWay === 0) this.forget(member)
    else if (member.drainedBy !== undefined && member.underWay === 0) this.observer.emptied(member)
    this.drains.settle()
  }

  get waitsForBackends(): boolean {
    return this.waits
  }

  mayRetry(): boolean {
    return this.budget.spend()
  }

  /**
   * Declares the complete set of backends of a generation. Members of the generation that serves enter and leave
   * rotation at once; those of any other are kept out of it.
   *
   * @returns those that were not declared before
   * @throws `BACKEND_DUPLICATE` when two have the same id
   */
  prepare(generation: string | undefined, specs: readonly MemberSpec[]): readonly Backend[] {
    this.refuseDuplicates(specs)
    const known = new Map(this.generations.get(generation)?.map((member) => [member.id, member]))
    const joinedAtMs = this.joinsSlowly(generation, specs) ? this.clock.nowMs() : Number.NEGATIVE_INFINITY
    const members = specs.map((spec) => {
      // The addresses of a name stand in for what stood for the name.
      const sinceMs = known.get(spec.origin ?? '')?.joinedAtMs ?? joinedAtMs
      return this.reuse(known.get(spec.id), spec, joinedAtMs) ?? this.admit(spec, generation, sinceMs)
    })
    this.generations.set(generation, members)
    const declared = new Set(members)
    for (const member of known.values()) if (!declared.has(member)) this.dismiss(member)
    if (generation === this.serving) this.rotate()
    return members.filter((member) => known.get(member.id) !== member)
  }

  /** All new requests go to this generation from now on. @throws `GENERATION_UNKNOWN` when it was not prepared */
  cut(generation: string | undefined): void {
    const members = this.generations.get(generation)
    if (members === undefined)
      throw new BalancerError('GENERATION_UNKNOWN', { pool: this.name, generation: String(generation) })
    this.serving = generation
    this.comparison = undefined
    this.rotate()
    this.observer.cut(generation ?? null)
  }

  /** Takes a generation out and resolves when nothing is in flight or held there, or when the signal aborts. */
  drain(generation: string, signal: AbortSignal): Promise<DrainResult> {
    if (generation === this.serving)
      throw new BalancerError('GENERATION_SERVING', { pool: this.name, generation })
    for (const member of this.generations.get(generation) ?? []) this.dismiss(member)
    this.generations.delete(generation)
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
    if (!this.generations.has(generation))
      throw new BalancerError('GENERATION_UNKNOWN', { pool: this.name, generation })
    if (generation === this.serving)
      throw new BalancerError('GENERATION_SERVING', { pool: this.name, generation })
    const untilMs = this.clock.nowMs() + forMs
    const { comparison } = this
    const goesOn = comparison?.generation === generation && comparison.untilMs >= this.clock.nowMs()
    if (goesOn) comparison.untilMs = untilMs
    else this.comparison = { number: ++this.comparisons, generation, untilMs }
    const { number } = this.comparison!
    this.serveQueue()
    return number
  }

  /** The generation that serves. */
  get generation(): string | undefined {
    return this.serving
  }

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
    for (const member of this.all()) if (member.id === id && member.inFlight > 0) member.tlsFailure = reason
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

  /** Nobody checks any more: all are as good as those that were never checked. */
  forgetHealth(): void {
    for (const member of this.all()) {
      member.ailing = false
      this.setHealth(member, true, 'nobody checks it any more')
    }
  }

  /** Result of one active health check, which does not take a backend out yet, or bring it back. */
  noteCheck(backend: Backend, passed: boolean): void {
    const member = backend as Member
    member.ailing = !passed
    this.anyoneAils = this.rotation.some(({ ailing }) => ailing)
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
    const members = this.named(id)
    this.drained.set(id, by)
    for (const member of members) {
      if (member.drainedBy !== undefined) continue
      member.drainedBy = by
      this.observer.drained(member, by, member.underWay)
      if (member.underWay === 0) this.observer.emptied(member)
    }
    // Who waits for the last one that was left waits for nothing.
    this.serveQueue()
    return members.reduce((count, { underWay }) => count + underWay, 0)
  }

  /** They take requests again. @throws `BACKEND_UNKNOWN` */
  undrainBackend(id: string, by: string): void {
    const members = this.named(id)
    this.drained.delete(id)
    for (const member of members) {
      if (member.drainedBy === undefined) continue
      member.drainedBy = undefined
      member.joinedAtMs = this.clock.nowMs()
      this.observer.undrained(member, by)
    }
    this.membersChanged()
  }

  private named(id: string): readonly Member[] {
    const members = this.all().filter((member) => member.id === id && !member.leaving)
    if (members.length > 0) return members
    const known = [...new Set(this.all().map((member) => member.id))]
    throw new BalancerError('BACKEND_UNKNOWN', { pool: this.name, id, known })
  }

  /** Members in rotation. */
  get members(): readonly Member[] {
    return this.rotation
  }

  get queued(): number {
    return this.queue.length
  }

  get isPressed(): boolean {
    if (this.queue.length > 0) return true
    let busy = 1
    for (const member of this.rotation) if (member.isUsed) busy += member.inFlight
    return busy * 2 > this.capacity
  }

  get capacity(): number {
    let capacity = 0
    for (const member of this.rotation) if (member.isUsed) capacity += this.capacityOf(member)
    return capacity
  }

  get inFlight(): number {
    let count = 0
    for (const member of this.all()) count += member.inFlight
    return count
  }

  snapshot(): PoolSnapshot {
    const all = this.all()
    return {
      name: this.name,
      generation: this.serving ?? null,
      queued: this.queue.length,
      inFlight: this.inFlight,
      tunnels: all.reduce((count, { held }) => count + held.tunnel, 0),
      eventStreams: all.reduce((count, { held }) => count + held['event-stream'], 0),
      ejections: this.ejector.count,
      backends: all.map((member) => describeMember(member, this.serving)),
    }
  }

  /** No backend comes any more: nobody waits for one that has not been declared, or for a dead one to be replaced. */
  stopWaiting(): void {
    this.waits = false
    this.serveQueue()
  }

  /** Refuses who waits and everybody who comes; requests in flight are not touched. Idempotent. */
  close(): void {
    this.closed = true
    this.ejector.close()
    this.queueTimer?.[Symbol.dispose]()
    this.inTurn(() => {
      for (let head = this.queue.head; head !== undefined; head = this.queue.head)
        this.refuse(head, 'closing')
    })
    this.drains.giveUp()
  }

  /** One that stays goes on where it is. */
  private usePolicy(name: PolicyName): void {
    if (name === this.policyName) return
    this.policyName = name
    this.policy = createPolicy(name, { random: this.random, names: this.names })
  }

  private choose(claimant: Claimant, tried: readonly Backend[]): Member | undefined {
    this.claimant = claimant
    this.tried = tried
    const candidates = this.comparison === undefined ? this.rotation : this.drawn(claimant, tried)
    const preferred =
      this.chooseBeyondDoubt(claimant, candidates) ??
      this.policyFor(claimant).choose(candidates, this.isEligible, claimant)
    if (preferred !== undefined) return this.chooseLively(claimant, candidates, preferred)
    return (
      (tried.length === 0 ? undefined : this.chooseAgain(claimant)) ?? this.chooseInPanic(claimant, tried)
    )
  }

  /** Another one, if this one is unusually quiet: it may hang, and what is in flight there tells soon. */
  private chooseLively(claimant: Claimant, candidates: readonly Member[], preferred: Member): Member {
    if (preferred.ejection !== undefined || !this.isQuiet(preferred) || bindsClients(this.policyName))
      return preferred
    const isEligible = claimant.isRepeatable ? this.isLively : this.isLivelyBeyondDoubt
    return this.policyFor(claimant).choose(candidates, isEligible, claimant) ?? preferred
  }

  private isQuiet({ inFlight, quiet }: Member): boolean {
    return inFlight > 0 && quiet.unanswered > 0 && quiet.isUnusual(this.clock.nowMs())
  }

  /**
   * Requests pass over those that failed their last health check, and what cannot be sent again over those whose last
   * request failed, unless it belongs to one of them.
   */
  private chooseBeyondDoubt(claimant: Claimant, candidates: readonly Member[]): Member | undefined {
    if (bindsClients(this.policyName)) return undefined
    const mayFail = claimant.isRepeatable || !this.ejector.hasDoubts
    if (mayFail && !this.anyoneAils) return undefined
    const isEligible = mayFail ? this.isNotAiling : this.isBeyondDoubt
    return this.policyFor(claimant).choose(candidates, isEligible, claimant)
  }

  /**
   * What lasts long is spread by what each member has of it, unless the policy says which client belongs to which backend;
   * while nobody has any, like all others.
   */
  private policyFor(claimant: Claimant): Policy {
    if (this.longLived === 0 || bindsClients(this.policyName)) return this.policy
    return claimant.expectsLongLife ? this.leastHeld : this.policy
  }

  /** It would become a tunnel where there are as many as there may be. Nobody waits for one of those to end. */
  private lacksRoom(claimant: Claimant, member: Member): boolean {
    return claimant.asksForTunnel && !this.hasRoom(member)
  }

  /** One that failed this request, if it is not put aside: better than none. */
  private chooseAgain(claimant: Claimant): Member | undefined {
    this.tried = NOBODY
    return this.policy.choose(this.rotation, this.isEligible, claimant)
  }

  /** Nothing else is left: a member that was put aside is better than none, the suspected ones first. */
  private chooseInPanic(claimant: Claimant, tried: readonly Backend[]): Member | undefined {
    if (this.waits || tried.length >= MAX_PANIC_TRIES || this.isAnybodyInUse()) return undefined
    this.tried = tried
    return (
      this.policy.choose(this.rotation, this.isSuspect, claimant) ??
      this.policy.choose(this.rotation, this.isUnreachable, claimant)
    )
  }

  /** The queue is for the busy: who waits where nobody can take anything waits for nothing. */
  private mayWait(): boolean {
    return (
      this.waits ||
      this.rotation.some(
        ({ isUsed, ejection }) => isUsed && (ejection === undefined || ejection.reason === 'suspect'),
      )
    )
  }

  private isAnybodyInUse(): boolean {
    return this.rotation.some(({ isUsed, ejection }) => isUsed && ejection === undefined)
  }

  /**
   * Only requests that both generations could take at that moment are drawn: nobody can choose who answers, whatever he
   * sends and when. What one of them cannot take the other one does, which makes no difference to the lot; and what one
   * of them lost, as whatever ended there a worker would end the next one, too.
   */
  private drawn(claimant: Claimant, tried: readonly Backend[]): readonly Member[] {
    const others = this.compared()
    if (this.comparison === undefined) return this.rotation
    const { number, generation } = this.comparison
    const lost = tried.at(-1)
    if (lost !== undefined) claimant.lotFailed = claimant.lot !== 0
    else if (claimant.lot === 0 && !claimant.asksForTunnel && this.bothCouldTake(others))
      claimant.lot = this.tossCoin() ? number : -number
    const servesFirst = lost === undefined ? claimant.lot !== -number : lost.generation === generation
    const [first, second] = servesFirst ? [this.rotation, others] : [others, this.rotation]
    return !first.some(this.isEligible) && second.some(this.isEligible) ? second : first
  }

  /** Members that lots are drawn for beside those in rotation. */
  private compared(): readonly Member[] {
    if (this.comparison !== undefined && this.clock.nowMs() > this.comparison.untilMs)
      this.comparison = undefined
    return this.comparison === undefined ? [] : (this.generations.get(this.comparison.generation) ?? [])
  }

  private bothCouldTake(others: readonly Member[]): boolean {
    return this.rotation.some(this.isEligible) && others.some(this.isEligible)
  }

  private readonly isNotAiling = (member: Member): boolean => !member.ailing && this.isEligible(member)

  private readonly isBeyondDoubt = (member: Member): boolean =>
    this.isNotAiling(member) && !this.ejector.isInDoubt(member)

  private readonly isLively = (member: Member): boolean => this.isNotAiling(member) && !this.isQuiet(member)

  private readonly isLivelyBeyondDoubt = (member: Member): boolean =>
    this.isBeyondDoubt(member) && !this.isQuiet(member)

  private readonly isEligible = (member: Member): boolean =>
    !this.tried.includes(member) &&
    this.hasCapacity(member) &&
    this.ejector.admits(member, this.claimant?.isRepeatable === true)

  private readonly isSuspect = (member: Member): boolean =>
    member.ejection?.reason === 'suspect' && this.isUntried(member)

  private readonly isUnreachable = (member: Member): boolean =>
    member.ejection !== undefined && isCertain(member.ejection.reason) && this.isUntried(member)

  private isUntried(member: Member): boolean {
    return !this.tried.includes(member) && this.hasCapacity(member)
  }

  private hasCapacity(member: Member): boolean {
    return member.isUsed && member.inFlight < this.capacityOf(member)
  }

  private capacityOf(member: Member): number {
    if (this.slowStartMs === 0) return member.maxInFlight
    const share = (this.clock.nowMs() - member.joinedAtMs) / this.slowStartMs
    return share >= 1 ? member.maxInFlight : Math.max(1, Math.ceil(member.maxInFlight * share))
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

  private serveQueue(): void {
    if (this.queue.length > 0) this.inTurn(this.serveThoseWaiting)
  }

  private readonly serveThoseWaiting = (): void => {
    for (let head = this.queue.head; head !== undefined; head = this.queue.head) {
      const member = this.choose(head, NOBODY)
      if (member === undefined && this.mayWait()) return
      if (member === undefined) this.refuse(head, 'no-backend')
      else if (this.lacksRoom(head, member)) this.refuse(head, 'long-lived-backend')
      else this.grant(head, member)
    }
  }

  private grant(claimant: Claimant, member: Member): void {
    this.queue.leave(claimant)
    claimant.granted(this.take(member))
  }

  /**
   * One timer for the whole queue: all wait equally long, so the first one's time is up first. It is not moved when
   * the first one leaves: it then fires too early, and is set for who is first by then.
   */
  private armQueueTimer(): void {
    const since = this.queue.headSinceMs
    if (since === undefined || this.queueTimer !== undefined) return
    const now = this.clock.nowMs()
    const waitMs = Math.max(0, since + this.queueTimeoutMs - now)
    this.queueTimer = this.clock.after(Math.min(waitMs, this.growsInMs(now)), () => {
      this.queueTimer = undefined
      this.inTurn(() => {
        this.serveQueue()
        this.expire()
      })
    })
  }

  private resetQueueTimer(): void {
    this.queueTimer?.[Symbol.dispose]()
    this.queueTimer = undefined
    this.armQueueTimer()
  }

  /** Until a member that starts slowly takes one more request; `Infinity` when none does. */
  private growsInMs(now: number): number {
    if (this.slowStartMs === 0) return Number.POSITIVE_INFINITY
    let soonest = Number.POSITIVE_INFINITY
    for (const member of this.rotation) {
      const capacity = this.capacityOf(member)
      if (capacity >= member.maxInFlight) continue
      const grownAt = member.joinedAtMs + (capacity / member.maxInFlight) * this.slowStartMs
      // A little later, so that rounding cannot put the same capacity off for ever.
      soonest = Math.min(soonest, Math.max(0, grownAt - now) + 1)
    }
    return soonest
  }

  private expire(): void {
    const limit = this.clock.nowMs() - this.queueTimeoutMs
    while (this.queue.headSinceMs !== undefined && this.queue.headSinceMs <= limit)
      this.refuse(this.queue.head!, 'queue-timeout')
    this.armQueueTimer()
  }

  private refuse(claimant: Claimant, reason: ClaimRefusal): void {
    this.queue.leave(claimant)
    claimant.refused(reason)
  }

  private refuseDuplicates(specs: readonly MemberSpec[]): void {
    const ids = new Set<string>()
    for (const { id } of specs) {
      if (ids.has(id)) throw new BalancerError('BACKEND_DUPLICATE', { pool: this.name, id })
      ids.add(id)
    }
  }

  /** Beside others that go on. Where all are new, nobody could do the part of theirs that they do not do yet. */
  private joinsSlowly(generation: string | undefined, specs: readonly MemberSpec[]): boolean {
    if (generation !== this.serving) return false
    const declared = new Map(specs.map((spec) => [spec.id, spec]))
    const goesOn = (member: Member): boolean => {
      const spec = declared.get(member.id)
      return member.isUsed && member.ejection === undefined && spec !== undefined && member.matches(spec)
    }
    return this.rotation.some(goesOn)
  }

  private reuse(known: Member | undefined, spec: MemberSpec, joinedAtMs: number): Member | undefined {
    if (known?.matches(spec) !== true) return undefined
    if (known.weight === 0 && spec.weight > 0) known.joinedAtMs = joinedAtMs
    known.update(spec)
    return known
  }

  private admit(spec: MemberSpec, generation: string | undefined, joinedAtMs: number): Member {
    const member = new Member(spec, generation)
    member.joinedAtMs = joinedAtMs
    member.drainedBy = this.drained.get(spec.id)
    return member
  }

  private dismiss(member: Member): void {
    member.leaving = true
    if (member.underWay === 0) return this.forget(member)
    this.leaving.add(member)
  }

  private forget(member: Member): void {
    this.leaving.delete(member)
    this.observer.retired(member)
  }

  private rotate(): void {
    this.rotation = [...(this.generations.get(this.serving) ?? [])]
    this.membersChanged()
  }

  private membersChanged(): void {
    this.serveQueue()
    // Members that start slowly grow at other times than those before.
    if (this.slowStartMs > 0) this.resetQueueTimer()
  }

  private unfinishedOf(generation: string): number {
    let count = 0
    for (const member of this.leaving) if (member.generation === generation) count += member.underWay
    return count
  }

  private all(): Member[] {
    return [...this.generations.values(), [...this.leaving]].flat()
  }
}

/** Nobody can tell the next from those before. */
const fairCoin = (): boolean => crypto.getRandomValues(new Uint8Array(1))[0]! % 2 === 1

/** Of pools that are told nothing about TLS. */
const PLAIN = new BackendTlsSettings()

const NOBODY: readonly Backend[] = []
/** Of backends that are put aside, so many are tried for one request when nothing else is left. */
const MAX_PANIC_TRIES = 3
