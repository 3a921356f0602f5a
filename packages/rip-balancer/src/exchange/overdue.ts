import type { BackendClaim } from './backend-claim.ts'
import { Deadlines, type Missed } from './deadlines.ts'
import type { Ending } from './ending.ts'
import type { ExchangeContext } from './exchange-context.ts'
import type { ExchangePhase } from './exchange-phase.ts'
import type { RequestRelay } from './request-relay.ts'
import type { ResponseRelay } from './response-relay.ts'
import type { FailedOutcome, Retries } from './retries.ts'

/** What a missed deadline brings about in an exchange, beside its end. */
export interface OverdueExchange {
  readonly phase: ExchangePhase
  claim(): void
  /** The backend is too slow: the next one is asked. */
  giveUpOn(failure: FailedOutcome): void
}

/** The other parts of an exchange that a missed deadline may concern. */
export interface OverdueParts {
  readonly request: RequestRelay
  readonly response: ResponseRelay
  readonly retries: Retries
  readonly backendClaim: BackendClaim
  readonly ending: Ending
}

/** What follows when an exchange misses one of its deadlines. */
export class Overdue {
  private readonly context: ExchangeContext
  private readonly request: RequestRelay
  private readonly response: ResponseRelay
  private readonly retries: Retries
  private readonly backendClaim: BackendClaim
  private readonly ending: Ending
  private readonly exchange: OverdueExchange
  private readonly deadlines: Deadlines

  constructor(
    context: ExchangeContext,
    { request, response, retries, backendClaim, ending }: OverdueParts,
    exchange: OverdueExchange,
  ) {
    this.context = context
    this.request = request
    this.response = response
    this.retries = retries
    this.backendClaim = backendClaim
    this.ending = ending
    this.exchange = exchange
    this.deadlines = new Deadlines(context, request, exchange, this)
  }

  /** Checks all deadlines. @param now monotonic milliseconds */
  tick(now: number): void {
    const missed = this.deadlines.missed(now)
    if (missed === undefined) this.response.resumeIfBuffered()
    else this.follow(missed)
  }

  private follow(missed: Missed): void {
    switch (missed) {
      case 'reading':
        return this.ending.abort('client-timeout', 'client-gone')
      case 'body':
        return this.clientTimedOut()
      case 'continue':
        return this.request.continueAnyway()
      case 'back-off':
        return this.backedOff()
      case 'connect':
        return this.exchange.giveUpOn('connect-timeout')
      case 'trial':
        return this.exchange.giveUpOn('response-timeout')
      case 'response':
        return this.takesAnother ? this.exchange.giveUpOn('response-timeout') : this.responseTimedOut()
      case 'conversation':
        return this.conversationEnds()
      case 'total':
        return this.responseTimedOut()
      case 'tunnel':
        return this.ending.abort('tunnel-closed', 'ok')
    }
  }

  private backedOff(): void {
    this.backendClaim.noteWait()
    this.exchange.claim()
  }

  /** The client is too slow, or others wait for the place it keeps. */
  clientTimedOut(): void {
    const { ending } = this
    if (this.exchange.phase === 'responding') return ending.abort('client-timeout', 'client-gone')
    ending.withdraw('client-gone')
    this.context.body.giveUp()
    this.context.client.closeAfter()
    ending.fail('client-timeout')
  }

  /** Whether another backend is asked in place of this one, of which nothing was passed on. */
  private get takesAnother(): boolean {
    return this.exchange.phase === 'waiting' && this.retries.takesAnother()
  }

  /** That both sides are silent says nothing about either. */
  private conversationEnds(): void {
    const { ending } = this
    if (this.exchange.phase === 'responding') return ending.abort('response-timeout', 'ok')
    ending.withdraw('ok')
    ending.fail('response-timeout')
  }

  /** That an event stream is silent says nothing about its backend. */
  private responseTimedOut(): void {
    const { phase } = this.exchange
    const { ending } = this
    if (this.context.attempt.isLongLived) return ending.abort('response-timeout', 'ok')
    if (phase === 'responding' || phase === 'flushing')
      return ending.abort('response-timeout', 'response-timeout')
    ending.withdraw('response-timeout')
    ending.fail('response-timeout')
  }
}
