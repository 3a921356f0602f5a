import type { Outcome } from './claim.ts'
import type { PoolClock } from './clock.ts'
import type { Ejection, EjectionReason } from './ejection.ts'
import type { Member } from './member.ts'
import { DEFAULT_EJECTION, type EjectionOptions, type PoolObserver } from './pool-options.ts'
import type { Reach } from './reach.ts'

/** Failures in a row that say enough where requests are too few for a comparison of rates. */
const FAILURES_IN_A_ROW = 3
/** The same where the others were asked nothing of late, as with a hash policy and one busy client. */
const FAILURES_WITHOUT_COMPARISON = 5
/** Its rate of failures is suspicious from so many times that of the others on. */
const TIMES_THE_OTHERS = 2
/**
 * A backend that answers questions is tried by a request that can be sent elsewhere at once, by any other after so many
 * times as long as it was put aside.
 */
const PATIENCE_OF_UNREPEATABLE = 2
/** One that answers no question, as it may not know this one, is tried all the same after so many times as long. */
const PATIENCE_WITHOUT_ANSWER = 5
const PATIENCE_OF_UNREPEATABLE_WITHOUT_ANSWER = 25
/** Good behaviour for so many times as long as it was put aside makes a backend like any other. */
const PROBATION_FACTOR = 4
/** Longest pause between two connections that find out whether somebody listens again. */
const MAX_PROBE_PAUSE_MS = 5_000
/** Probes of one pool are at least so far apart on average, however many backends are away. */
const PROBE_SPACING_MS = 10
const PROBE_TIMEOUT_MS = 1_000

/** What the ejector needs of its pool. */
export interface EjectorPool {
  /** Members in rotation. */
  members(): readonly Member[]
  /** Members may be tried again, or are gone: who waits is looked at. */
  changed(): void
}

/**
 * Puts members aside, longer each time, and brings them back.
 *
 * That nobody listens is certain after one refused connection, and it takes any number of members away. Everything
 * else is suspicion: it needs failures that others do not have at the same time, leaves at least one member and a share
 * of them in place, and is checked with a question of our own first, then with one request at a time, if possible one
 * that can be sent elsewhere after it.
 */
export class Ejector {
  options: EjectionOptions = DEFAULT_EJECTION
  /** How often members were put aside. */
  count = 0
  /** Until when a member may be in doubt. */
  private doubtsUntilMs = 0
  private readonly clock: PoolClock
  private readonly observer: PoolObserver
  private readonly pool: EjectorPool
  private readonly reach: Reach
  private readonly ask: Reach
  private closed = false

  constructor(clock: PoolClock, observer: PoolObserver, pool: EjectorPool, reach: Reach, ask: Reach) {
    this.clock = clock
    this.observer = observer
    this.pool = pool
    this.reach = reach
    this.ask = ask
  }

  /** Not put aside; or its time is over and this is the one request that tries it. */
  admits(member: Member, repeatable: boolean): boolean {
    const { ejection } = member
    if (ejection === undefined) return true
    if (ejection.reason !== 'suspect' || member.onTrial) return false
    const { untilMs, forMs } = ejection
    return this.clock.nowMs() >= untilMs + (patienceOf(ejection, repeatable) - 1) * forMs
  }

  /** @param trial it was given the request although it was put aside */
  judge(member: Member, outcome: Outcome, trial: boolean): void {
    if (trial) member.onTrial = false
    if (outcome === 'local-failure' || outcome === 'client-gone' || outcome === 'stale') return
    if (outcome === 'ok') return this.noteAnswer(member, trial)
    member.failures++
    this.noteFailure(member, outcome, trial)
  }

  /** Whether any member may be in doubt. */
  get hasDoubts(): boolean {
    return this.clock.nowMs() < this.doubtsUntilMs
  }

  /** Its last request failed, not long ago; that is no reason to put it aside yet. */
  isInDoubt(member: Member): boolean {
    return member.failuresInARow > 0 && this.clock.nowMs() < member.doubtedUntilMs
  }

  /** Nobody listens there, as somebody else found out. */
  putAside(member: Member): void {
    member.failures++
    if (member.ejection === undefined) this.eject(member, 'refuses')
  }

  /** It answers a health check: somebody listens there. */
  noteReached(member: Member): void {
    if (member.ejection !== undefined && member.ejection.reason !== 'suspect') this.readmit(member)
  }

  /** Its health checks had failed and pass again: the next request that may try it tries it. */
  noteRecovered(member: Member): void {
    const { ejection } = member
    if (ejection === undefined) return
    member.ejection = { ...ejection, answers: true, untilMs: Math.min(ejection.untilMs, this.clock.nowMs()) }
  }

  /** No more members are tried. Idempotent. */
  close(): void {
    this.closed = true
  }

  private noteAnswer(member: Member, trial: boolean): void {
    member.recent.note(true, this.clock.nowMs())
    member.failuresInARow = 0
    if (trial) this.readmit(member)
  }

  private noteFailure(member: Member, outcome: Outcome, trial: boolean): void {
    const now = this.clock.nowMs()
    member.recent.note(false, now)
    if (member.failuresInARow++ === 0) member.failingSinceMs = now
    member.doubtedUntilMs = this.doubtsUntilMs = now + this.options.minMs
    if (outcome === 'connect-failed') return this.noteRefusal(member, trial)
    // Of a request it was given before: that says nothing new.
    if (member.ejection !== undefined && !trial) return
    if (outcome === 'connect-timeout') return this.noteSilence(member)
    if (member.ejection !== undefined) return this.eject(member, 'suspect')
    if (this.isOutlier(member, now) && this.maySuspect(member)) this.eject(member, 'suspect')
  }

  private noteRefusal(member: Member, trial: boolean): void {
    // Tried because nothing else was left: its own probes go on.
    if (member.ejection !== undefined && !(trial && member.ejection.reason === 'suspect')) return
    this.eject(member, 'refuses')
  }

  /** The network, or the backend: a second look tells, and other members are better meanwhile. */
  private noteSilence(member: Member): void {
    if (this.maySuspect(member)) return this.eject(member, 'silent')
    void this.confirmSilence(member)
  }

  private async confirmSilence(member: Member): Promise<void> {
    if (await this.reach(member.address, PROBE_TIMEOUT_MS)) return
    if (this.isWatched(member) && member.ejection === undefined) this.eject(member, 'silent')
  }

  private eject(member: Member, reason: EjectionReason): void {
    const now = this.clock.nowMs()
    if (this.hasRedeemed(member, now)) member.strikes = 0
    const forMs = Math.min(this.options.maxMs, this.options.minMs * 2 ** member.strikes)
    member.strikes++
    member.ejection = { reason, forMs, untilMs: now + forMs, answers: false }
    this.count++
    this.observer.ejected(member, forMs, reason)
    if (reason === 'suspect') this.tellWhenDue(forMs)
    this.probeAfter(member, forMs)
    this.pool.changed()
  }

  private readmit(member: Member): void {
    if (member.ejection === undefined) return
    const { forMs, reason } = member.ejection
    const now = this.clock.nowMs()
    member.probationUntilMs = now + PROBATION_FACTOR * forMs
    member.ejection = undefined
    member.failuresInARow = 0
    member.joinedAtMs = now
    this.observer.readmitted(member, reason)
    this.pool.changed()
  }

  private hasRedeemed(member: Member, now: number): boolean {
    return member.ejection === undefined && now >= member.probationUntilMs
  }

  private tellWhenDue(forMs: number): void {
    for (const times of [
      PATIENCE_OF_UNREPEATABLE,
      PATIENCE_WITHOUT_ANSWER,
      PATIENCE_OF_UNREPEATABLE_WITHOUT_ANSWER,
    ])
      this.clock.after(forMs * times, () => this.pool.changed())
  }

  private probeAfter(member: Member, pauseMs: number): void {
    const pause = Math.min(pauseMs, Math.max(MAX_PROBE_PAUSE_MS, this.options.minMs))
    const spaced = Math.max(pause, PROBE_SPACING_MS * this.countAside())
    const { ejection } = member
    this.clock.after(spaced, () => void this.probe(member, ejection, pauseMs * 2))
  }

  /** @param ejection it belongs to: a later one has probes of its own */
  private async probe(member: Member, ejection: Ejection | undefined, nextPauseMs: number): Promise<void> {
    if (!this.isProbed(member, ejection)) return
    const isSuspect = ejection?.reason === 'suspect'
    const passed = await (isSuspect ? this.ask : this.reach)(member.address, PROBE_TIMEOUT_MS)
    if (!this.isProbed(member, ejection)) return
    if (!passed) return this.probeAfter(member, nextPauseMs)
    if (isSuspect) this.noteRecovered(member)
    else this.readmit(member)
    this.pool.changed()
  }

  private isProbed(member: Member, ejection: Ejection | undefined): boolean {
    return this.isWatched(member) && ejection !== undefined && member.ejection === ejection
  }

  private isWatched(member: Member): boolean {
    return !this.closed && !member.leaving
  }

  private countAside(): number {
    return this.pool.members().reduce((count, { ejection }) => count + (ejection === undefined ? 0 : 1), 0)
  }

  /** Whether it fails where others do not: in comparison with them, or again so soon after it came back. */
  private isOutlier(member: Member, now: number): boolean {
    const others = this.othersInUse(member)
    const answered = others.reduce((sum, { recent }) => sum + recent.answered(now), 0)
    const failed = others.reduce((sum, { recent }) => sum + recent.failed(now), 0)
    const rateOfOthers = (failed + 1) / (answered + failed + 1)
    const own = member.recent.failed(now)
    const ownRate = own / (own + member.recent.answered(now))
    const isOnProbation = now < member.probationUntilMs
    if (isOnProbation && answered > failed && ownRate > rateOfOthers) return true
    if (own >= this.options.after && ownRate > TIMES_THE_OTHERS * rateOfOthers) return true
    const asked = others.some(
      ({ recent, failuresInARow }) => failuresInARow === 0 && recent.answered(now) > 0,
    )
    if (asked) return member.failuresInARow >= Math.max(FAILURES_IN_A_ROW, this.options.after)
    const unknown = others.some(({ failuresInARow }) => failuresInARow === 0)
    return unknown && member.failuresInARow >= Math.max(FAILURES_WITHOUT_COMPARISON, this.options.after)
  }

  /** Suspicion leaves somebody to go to, and all but a share of the members where they are. */
  private maySuspect(member: Member): boolean {
    const members = this.pool.members()
    if (this.othersInUse(member).length === 0) return false
    const suspected = members.filter(
      ({ ejection }) => ejection !== undefined && ejection.reason !== 'refuses',
    )
    return suspected.length + 1 <= Math.max(1, Math.floor(members.length * this.options.share))
  }

  private othersInUse(member: Member): readonly Member[] {
    return this.pool.members().filter((each) => each !== member && each.ejection === undefined && each.isUsed)
  }
}

/** After how many times as long as it was put aside a backend may be tried. */
function patienceOf({ answers }: Ejection, repeatable: boolean): number {
  if (answers) return repeatable ? 1 : PATIENCE_OF_UNREPEATABLE
  return repeatable ? PATIENCE_WITHOUT_ANSWER : PATIENCE_OF_UNREPEATABLE_WITHOUT_ANSWER
}
