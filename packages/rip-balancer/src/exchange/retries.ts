import type { Backend } from '../upstream/backend.ts'
import type { Outcome } from '../pool/claim.ts'
import type { UpstreamFailure } from '../upstream/response-sink.ts'
import type { UpstreamExchange } from '../upstream/upstream-exchange.ts'
import type { ExchangeContext } from './exchange-context.ts'
import type { RequestRelay } from './request-relay.ts'

export type FailedOutcome = Exclude<Outcome, 'ok'>

/** What follows a failed attempt: the next one, now or in a moment, or an error. */
export type NextStep = 'claim' | 'back-off' | 'fail'

/** A connection that is reset so soon after it was used again had been closed before. */
const STALE_MS = 10
/** So often a request is sent again that a backend has refused before it began it. */
const MAX_REFUSALS = 3
/** A server closes no connection only because it was unused for less than this: it has failed. */
const MIN_UNUSED_MS = 500

const NONE: readonly Backend[] = []

/** The attempts of an exchange that failed, and whether another one may follow. */
export class Retries {
  /** The backends that failed this request, the last one last. */
  tried: readonly Backend[] = NONE
  /** How the last attempt failed. */
  lastFailure: FailedOutcome | undefined
  /** Attempts after which something had been sent, and was sent again. */
  private repeats = 0
  private hasBackedOff = false
  /** Attempts that backends had not begun. */
  private refusals = 0
  /** Since when connections have left it out, which had taken enough; in monotonic milliseconds. */
  private leftOutSince = Number.POSITIVE_INFINITY
  private readonly context: ExchangeContext
  private readonly request: RequestRelay

  constructor(context: ExchangeContext, request: RequestRelay) {
    this.context = context
    this.request = request
  }

  /** Forgets the previous request. */
  reset(): void {
    this.lastFailure = undefined
    this.repeats = 0
    this.tried = NONE
    this.hasBackedOff = false
    this.refusals = 0
    this.leftOutSince = Number.POSITIVE_INFINITY
  }

  /** Whether an attempt failed: the next one is made on a new connection. */
  get hasFailed(): boolean {
    return this.lastFailure !== undefined
  }

  /**
   * Ends an attempt that failed before the response began, and says what follows.
   *
   * @param isSent whether the request had been sent to the backend, or a part of it
   */
  afterFailure(failure: UpstreamFailure, upstream: UpstreamExchange, isSent: boolean): NextStep {
    if (this.asksNext(failure, isSent)) return this.endWith(failure, 'claim')
    if (failure !== 'reset') return this.endWith(failure, 'fail')
    const outcome = this.outcomeOfLoss(upstream)
    return this.endWith(outcome, this.afterLoss(upstream))
  }

  /** The current attempt failed, and another one follows. */
  endAttempt(failure: FailedOutcome): void {
    const { attempt, facts } = this.context
    if (attempt.backend !== undefined && this.tried.at(-1) !== attempt.backend)
      this.tried = [...this.tried, attempt.backend]
    this.lastFailure = failure
    facts.retries++
    attempt.release(failure)
  }

  /** Nothing was sent, or it can be sent again: the next backend is asked, each of them once. */
  private asksNext(failure: UpstreamFailure, isSent: boolean): boolean {
    if (failure === 'connect-failed' || (this.context.attempt.onTrial && this.request.isRepeatable))
      return true
    return failure === 'bad-response' && isSent && this.takesAnother()
  }

  private endWith(outcome: FailedOutcome, next: NextStep): NextStep {
    if (next === 'fail') this.context.attempt.release(outcome)
    else this.endAttempt(outcome)
    return next
  }

  /** How an attempt ended whose connection was lost before the response began. */
  private outcomeOfLoss(upstream: UpstreamExchange): FailedOutcome {
    if (wasRefused(upstream)) return 'stale'
    return this.wasClosedBefore(upstream) && upstream.unusedMs >= MIN_UNUSED_MS ? 'stale' : 'reset'
  }

  /**
   * What follows the loss of a connection before the response began: it had been closed before, or the backend died. The
   * request is sent again if nothing of it was sent, or if doing it twice is the same as once (RFC 9110 §9.2.2) and it was
   * under way so shortly that it is hardly what the backend died of.
   *
   * A process that is ended by the system accepts for some milliseconds what it will never read. If there is no other
   * backend, the next attempt comes after them, once.
   */
  private afterLoss(upstream: UpstreamExchange): NextStep {
    if (!this.mayRepeat(upstream)) return 'fail'
    const backsOff = !this.wasClosedBefore(upstream) && !this.hasBackedOff && !this.hasOther
    const isRepeated =
      this.takeRefusal(upstream) || (backsOff && this.takeRepeatAfterBackOff()) || this.takeRepeat()
    if (!isRepeated) return 'fail'
    this.hasBackedOff ||= backsOff
    return backsOff ? 'back-off' : 'claim'
  }

  /**
   * Whether another backend is asked for the response that this one does not give: it had little time, which another one
   * may have again.
   */
  takesAnother(): boolean {
    if (this.context.attempt.backend === undefined || !this.request.isRepeatable) return false
    return this.isYoung && this.hasOther && this.takeRepeat()
  }

  /** The loss of a connection that the backend had closed because it was unused says nothing about the backend. */
  private wasClosedBefore(upstream: UpstreamExchange): boolean {
    return upstream.reused && !upstream.answered && this.context.attempt.ageMs <= STALE_MS
  }

  private mayRepeat(upstream: UpstreamExchange): boolean {
    if (upstream.answered || !this.context.body.isReplayable) return false
    return !upstream.hasSent || (this.context.facts.request!.isIdempotent && this.isYoung)
  }

  private get isYoung(): boolean {
    return this.context.attempt.ageMs <= this.context.plane.settings.timeouts.repeatMs
  }

  private get hasOther(): boolean {
    return this.context.plane.claims.hasOther(this.context.attempt.backend!)
  }

  /** That a backend has not begun a request is as if it had not been asked. */
  private takeRefusal(upstream: UpstreamExchange): boolean {
    if (!wasRefused(upstream)) return false
    return upstream.wasLeftOut ? this.isLeftOutShortly : this.refusals++ < MAX_REFUSALS
  }

  /** Some backends take few requests on each connection: it may be some time until it is this one's turn. */
  private get isLeftOutShortly(): boolean {
    const { nowMs } = this.context.plane.turn.clock
    this.leftOutSince = Math.min(this.leftOutSince, nowMs)
    return nowMs - this.leftOutSince <= this.context.plane.settings.timeouts.responseMs
  }

  /** Takes one repetition, as often as the settings and the budget of the pool allow. */
  private takeRepeat(): boolean {
    const { settings, claims } = this.context.plane
    if (this.repeats >= settings.retries || !claims.mayRetry()) return false
    this.repeats++
    return true
  }

  /**
   * One repetition beyond the settings, when the same backend failed both times: its process was on its way out already,
   * and has executed nothing twice.
   */
  private takeRepeatAfterBackOff(): boolean {
    if (this.tried.at(-1) !== this.context.attempt.backend || !this.context.plane.claims.mayRetry())
      return false
    this.repeats++
    return true
  }
}

function wasRefused({ canRefuse, hasSent }: UpstreamExchange): boolean {
  return canRefuse && !hasSent
}
