import type { Outcome } from './claim.ts'
import type { PoolClock } from './clock.ts'
import { isTlsFailure } from '../tls/tls-failure.ts'
import { isCertain, type Ejection, type EjectionReason } from './ejection.ts'
import type { PooledBackend } from './pooled-backend.ts'
import { DEFAULT_EJECTION, type EjectionOptions, type PoolObserver } from './pool-options.ts'
import type { Reach } from './reach.ts'

/** Failures in a row that say enough where requests are too few for a comparison of rates. */
const FAILURES_IN_A_ROW = 3
/** The same number where the other backends got no requests of late, as with a hash policy and one busy client. */
const FAILURES_WITHOUT_COMPARISON = 5
/** Its rate of failures is suspicious from so many times that of the others on. */
const TIMES_THE_OTHERS = 2
/**
 * A backend that answers questions is tried by a request that can be sent elsewhere at once, by any other after so many
 * times as long as it was put aside.
 */
const PATIENCE_OF_UNREPEATABLE = 2
/** A backend that answers no question, perhaps because it does not know this one, is tried after so many times as long. */
const PATIENCE_WITHOUT_ANSWER = 5
const PATIENCE_OF_UNREPEATABLE_WITHOUT_ANSWER = 25
/**
 * Good behaviour for so many times as long as it was put aside makes a backend like any other. After a suspicion it gets
 * only what can be sent elsewhere until then, as long as others take the rest.
 */
const PROBATION_FACTOR = 4
/** Pause before the first question or connection that finds out whether a backend is back; doubles while they fail. */
const FIRST_PROBE_MS = 250
const MAX_PROBE_PAUSE_MS = 1_000
/** A backend that answers questions waits at most so long for a request that can be sent elsewhere at once. */
const MAX_TRIAL_PAUSE_MS = 5_000
/** One that was put aside several times waits for a part of its time, and at most so long, when it answers again. */
const RETURN_SHARE = 0.25
const MAX_RETURN_PAUSE_MS = 2_000
/** Probes of one pool are at least so far apart on average, however many backends are away. */
const PROBE_SPACING_MS = 10
const PROBE_TIMEOUT_MS = 1_000
/** A backend whose requests fail is asked at once, no more often than this. */
const ASK_PAUSE_MS = 1_000

/** What the ejector needs of its pool. */
export interface EjectorPool {
  /** Backends in rotation. */
  backends(): readonly PooledBackend[]
  /** Called when backends may be tried again, or are gone: waiting requests are examined. */
  changed(): void
}

/**
 * Puts backends aside, longer each time, and brings them back.
 *
 * That no process listens is certain after one refused connection, and it takes any number of backends away. Everything
 * else is suspicion: it needs failures that others do not have at the same time, leaves at least one backend and a share
 * of them in place, and is checked with a question of our own first, then with one request at a time, if possible one
 * that can be sent elsewhere after it.
 */
export class Ejector {
  options: EjectionOptions = DEFAULT_EJECTION
  /** How often backends were put aside. */
  count = 0
  /** No backend is in doubt after this time. */
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
  admits(backend: PooledBackend, repeatable: boolean): boolean {
    const { ejection } = backend
    if (ejection === undefined) return true
    if (ejection.reason !== 'suspect' || backend.onTrial) return false
    const { untilMs, forMs } = ejection
    return this.clock.nowMs() >= untilMs + (patienceOf(ejection, repeatable) - 1) * forMs
  }

  /** @param trial it was given the request although it was put aside */
  judge(backend: PooledBackend, outcome: Outcome, trial: boolean): void {
    const { tlsFailure } = backend
    backend.tlsFailure = undefined
    if (trial) backend.onTrial = false
    if (outcome === 'local-failure' || outcome === 'client-gone' || outcome === 'stale') return
    if (outcome === 'ok') return this.noteAnswer(backend, trial)
    backend.failures++
    this.noteFailure(backend, { outcome, trial, detail: tlsFailure })
  }

  /** Whether any backend may be in doubt. */
  get hasDoubts(): boolean {
    return this.clock.nowMs() < this.doubtsUntilMs
  }

  /**
   * A request of it failed not long ago, which is no reason to put it aside yet; or it was put aside for that, and is
   * back for a short time only.
   */
  isInDoubt(backend: PooledBackend): boolean {
    const now = this.clock.nowMs()
    return now < backend.doubtedUntilMs || now < backend.unprovenUntilMs
  }

  /** The backend cannot be spoken to, as was found out elsewhere. @param tlsFailure why, where TLS is the reason */
  putAside(backend: PooledBackend, tlsFailure?: string): void {
    backend.failures++
    if (backend.ejection === undefined) this.eject(backend, unreachable(tlsFailure), tlsFailure)
  }

  /** It answers a health check, so a process listens there. */
  noteReached(backend: PooledBackend): void {
    const reason = backend.ejection?.reason
    if (reason === 'refuses' || reason === 'silent') this.readmit(backend)
  }

  /** Its health checks had failed and pass again: the next request that may try it tries it. */
  noteRecovered(backend: PooledBackend): void {
    this.noteAnswers(backend, 0)
  }

  /** No more backends are tried. Idempotent. */
  close(): void {
    this.closed = true
  }

  private noteAnswer(backend: PooledBackend, trial: boolean): void {
    const now = this.clock.nowMs()
    backend.recent.note(true, now)
    backend.quiet.answered(now)
    backend.failuresInARow = 0
    if (trial) this.readmit(backend)
  }

  private noteFailure(backend: PooledBackend, failure: Failure): void {
    const { outcome, trial } = failure
    const now = this.clock.nowMs()
    backend.recent.note(false, now)
    backend.failuresInARow++
    backend.doubtedUntilMs = now + this.options.minMs
    this.doubtsUntilMs = Math.max(this.doubtsUntilMs, backend.doubtedUntilMs)
    if (outcome === 'connect-failed') return this.noteRefusal(backend, failure)
    // Of a request it was given before: that says nothing new.
    if (backend.ejection !== undefined && !trial) return
    if (outcome === 'connect-timeout') return this.noteSilence(backend)
    if (backend.ejection !== undefined) return this.eject(backend, 'suspect')
    if (this.isOutlier(backend, now) && this.maySuspect(backend)) return this.eject(backend, 'suspect')
    void this.askAtOnce(backend, now)
  }

  private noteRefusal(backend: PooledBackend, { trial, detail }: Failure): void {
    // Tried because nothing else was left: its own probes go on.
    if (backend.ejection !== undefined && !(trial && backend.ejection.reason === 'suspect')) return
    this.eject(backend, unreachable(detail), detail)
  }

  /**
   * One failure may be the fault of its request. A question of our own tells whether the backend is well, unless it is one
   * that answers none.
   */
  private async askAtOnce(backend: PooledBackend, now: number): Promise<void> {
    if (backend.answersQuestions === false || now < backend.askedAtMs + ASK_PAUSE_MS) return
    backend.askedAtMs = now
    const { reached, failure, reason } = await this.ask(backend.address, PROBE_TIMEOUT_MS)
    if (reached) {
      backend.answersQuestions = true
      return
    }
    // A request that was answered meanwhile says more than the question.
    if (failure === 'local-failure' || backend.failuresInARow === 0) return
    if (!this.isWatched(backend) || backend.ejection !== undefined) return
    if (failure === 'connect-failed') return this.eject(backend, unreachable(tlsOf(reason)), tlsOf(reason))
    if (this.maySuspect(backend)) this.eject(backend, 'suspect', undefined, 1)
  }

  /** It may be tried, by what can be sent elsewhere, after the pause at the latest. */
  private noteAnswers(backend: PooledBackend, pauseMs: number): void {
    const { ejection } = backend
    if (ejection === undefined) return
    const untilMs = Math.min(ejection.untilMs, this.clock.nowMs() + pauseMs)
    backend.ejection = { ...ejection, answers: true, untilMs }
    this.clock.after(pauseMs, () => this.pool.changed())
  }

  /** The network, or the backend: a second look tells, and other backends are better meanwhile. */
  private noteSilence(backend: PooledBackend): void {
    if (this.maySuspect(backend)) return this.eject(backend, 'silent')
    void this.confirmSilence(backend)
  }

  private async confirmSilence(backend: PooledBackend): Promise<void> {
    const { reached, failure } = await this.reach(backend.address, PROBE_TIMEOUT_MS)
    if (reached || failure === 'local-failure') return
    if (this.isWatched(backend) && backend.ejection === undefined) this.eject(backend, 'silent')
  }

  /** @param unanswered number of questions without an answer */
  private eject(backend: PooledBackend, reason: EjectionReason, detail?: string, unanswered = 0): void {
    const now = this.clock.nowMs()
    if (this.hasRedeemed(backend, now)) backend.strikes = 0
    const forMs = Math.min(this.options.maxMs, this.options.minMs * 2 ** backend.strikes)
    backend.strikes++
    backend.ejection = { reason, forMs, untilMs: now + forMs, answers: false, unanswered, detail }
    this.count++
    this.observer.ejected(backend, forMs, reason, detail)
    if (reason === 'suspect') this.tellWhenDue(forMs)
    this.probeLater(backend)
    this.pool.changed()
  }

  private readmit(backend: PooledBackend): void {
    if (backend.ejection === undefined) return
    const { forMs, reason, answers, unanswered } = backend.ejection
    const now = this.clock.nowMs()
    backend.probationUntilMs = now + PROBATION_FACTOR * forMs
    if (reason === 'suspect') this.noteUnproven(backend)
    // It answers requests, and no question: asking it says nothing.
    if (reason === 'suspect' && !answers && unanswered > 0) backend.answersQuestions = false
    backend.ejection = undefined
    backend.failuresInARow = 0
    backend.joinedAtMs = now
    this.observer.readmitted(backend, reason)
    this.pool.changed()
  }

  private noteUnproven(backend: PooledBackend): void {
    backend.unprovenUntilMs = backend.probationUntilMs
    this.doubtsUntilMs = Math.max(this.doubtsUntilMs, backend.unprovenUntilMs)
  }

  private hasRedeemed(backend: PooledBackend, now: number): boolean {
    return backend.ejection === undefined && now >= backend.probationUntilMs
  }

  private tellWhenDue(forMs: number): void {
    for (const times of [
      1,
      PATIENCE_OF_UNREPEATABLE,
      PATIENCE_WITHOUT_ANSWER,
      PATIENCE_OF_UNREPEATABLE_WITHOUT_ANSWER,
    ])
      this.clock.after(forMs * times, () => this.pool.changed())
  }

  private probeLater(backend: PooledBackend): void {
    const { ejection } = backend
    if (ejection === undefined) return
    const firstMs = Math.min(FIRST_PROBE_MS, this.options.minMs)
    const pauseMs = Math.min(firstMs * 2 ** ejection.unanswered, MAX_PROBE_PAUSE_MS)
    const spacedMs = Math.max(pauseMs, PROBE_SPACING_MS * this.countAside())
    this.clock.after(spacedMs, () => void this.probe(backend, ejection))
  }

  /** @param ejection it belongs to: a later one has probes of its own */
  private async probe(backend: PooledBackend, ejection: Ejection): Promise<void> {
    if (!this.isProbed(backend, ejection)) return
    const isSuspect = ejection.reason === 'suspect'
    const { reached } = await (isSuspect ? this.ask : this.reach)(backend.address, PROBE_TIMEOUT_MS)
    if (!this.isProbed(backend, ejection)) return
    if (!reached) {
      ejection.unanswered++
      return this.probeLater(backend)
    }
    if (!isSuspect) return this.readmit(backend)
    backend.answersQuestions = true
    this.noteAnswers(backend, this.returnPauseMs(backend, ejection))
    this.pool.changed()
  }

  /** One that left questions unanswered and answers now has changed; of one that always answered nothing new is known. */
  private returnPauseMs({ strikes }: PooledBackend, { forMs, unanswered }: Ejection): number {
    if (unanswered === 0) return Math.min(forMs, Math.max(MAX_TRIAL_PAUSE_MS, this.options.minMs))
    return strikes > 1 ? Math.min(forMs * RETURN_SHARE, MAX_RETURN_PAUSE_MS) : 0
  }

  private isProbed(backend: PooledBackend, ejection: Ejection): boolean {
    return this.isWatched(backend) && backend.ejection === ejection
  }

  private isWatched(backend: PooledBackend): boolean {
    return !this.closed && !backend.leaving
  }

  private countAside(): number {
    return this.pool.backends().reduce((count, { ejection }) => count + (ejection === undefined ? 0 : 1), 0)
  }

  /** Whether it fails where others do not: in comparison with them, or again so soon after it came back. */
  private isOutlier(backend: PooledBackend, now: number): boolean {
    const others = this.othersInUse(backend)
    const answered = others.reduce((sum, { recent }) => sum + recent.answered(now), 0)
    const failed = others.reduce((sum, { recent }) => sum + recent.failed(now), 0)
    const rateOfOthers = (failed + 1) / (answered + failed + 1)
    const own = backend.recent.failed(now)
    const ownRate = own / (own + backend.recent.answered(now))
    const isOnProbation = now < backend.probationUntilMs
    if (isOnProbation && answered > failed && ownRate > rateOfOthers) return true
    if (own >= this.options.after && ownRate > TIMES_THE_OTHERS * rateOfOthers) return true
    const asked = others.some(
      ({ recent, failuresInARow }) => failuresInARow === 0 && recent.answered(now) > 0,
    )
    if (asked) return backend.failuresInARow >= Math.max(FAILURES_IN_A_ROW, this.options.after)
    const unknown = others.some(({ failuresInARow }) => failuresInARow === 0)
    return unknown && backend.failuresInARow >= Math.max(FAILURES_WITHOUT_COMPARISON, this.options.after)
  }

  /** Suspicion leaves at least one other backend in use, and all but a share of them where they are. */
  private maySuspect(backend: PooledBackend): boolean {
    const backends = this.pool.backends()
    if (this.othersInUse(backend).length === 0) return false
    const suspected = backends.filter(({ ejection }) => ejection !== undefined && !isCertain(ejection.reason))
    return suspected.length + 1 <= Math.max(1, Math.floor(backends.length * this.options.share))
  }

  private othersInUse(backend: PooledBackend): readonly PooledBackend[] {
    return this.pool
      .backends()
      .filter((each) => each !== backend && each.ejection === undefined && each.isUsed)
  }
}

/** How a request failed. */
interface Failure {
  readonly outcome: Outcome
  /** The backend was given it although it was put aside. */
  readonly trial: boolean
  /** What was wrong with TLS, if that was the reason. */
  readonly detail: string | undefined
}

/** Why a backend gets nothing that cannot be spoken to. */
function unreachable(tlsFailure: string | undefined): EjectionReason {
  return tlsFailure === undefined ? 'refuses' : 'insecure'
}

function tlsOf(reason: string | undefined): string | undefined {
  return reason !== undefined && isTlsFailure(reason) ? reason : undefined
}

/** After how many times as long as it was put aside a backend may be tried. */
function patienceOf({ answers }: Ejection, repeatable: boolean): number {
  if (answers) return repeatable ? 1 : PATIENCE_OF_UNREPEATABLE
  return repeatable ? PATIENCE_WITHOUT_ANSWER : PATIENCE_OF_UNREPEATABLE_WITHOUT_ANSWER
}
