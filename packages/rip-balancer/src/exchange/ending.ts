import type { Outcome } from '../pool/claim.ts'
import type { Answer, Answers } from './answers.ts'
import type { Attempt } from './attempt.ts'
import type { BackendClaim } from './backend-claim.ts'
import type { ClientSide } from './client-side.ts'
import type { ExchangeContext } from './exchange-context.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import { EXCHANGE, type PhaseHolder } from './exchange-phase.ts'
import { BODY_TOO_LARGE, statusOfFailure } from './failure.ts'
import type { EndCause } from './record.ts'
import type { RequestBody } from './request-body.ts'

const CONTENT_TOO_LARGE = 413

/**
 * How an exchange ends: `finish`, when a response is complete, a backend's or one of the balancer's own (`answer`, `error`,
 * `fail`, `refuseBody`); `abort`, when the response has begun and cannot be completed; `clientGone`. All of them lead to the record.
 */
export class Ending {
  private readonly context: ExchangeContext
  private readonly answers: Answers
  private readonly claim: BackendClaim
  private readonly exchange: PhaseHolder

  constructor(context: ExchangeContext, answers: Answers, claim: BackendClaim, exchange: PhaseHolder) {
    this.context = context
    this.answers = answers
    this.claim = claim
    this.exchange = exchange
  }

  private get client(): ClientSide {
    return this.context.client
  }

  private get body(): RequestBody {
    return this.context.body
  }

  private get facts(): ExchangeFacts {
    return this.context.facts
  }

  private get attempt(): Attempt {
    return this.context.attempt
  }

  /** Says that no response can be had from a backend. */
  fail(cause: EndCause): void {
    this.answer(this.answers.failure(cause))
  }

  /** Answers with an error page. @param closes the connection ends after it */
  error(status: number, cause: EndCause, closes = false): void {
    this.answer(this.answers.error(status, cause, closes))
  }

  /** Answers in place of a backend. */
  answer({ status, fields, body, cause, closes }: Answer): void {
    this.facts.status = status
    if (closes === true || !this.body.done) this.client.closeAfter()
    this.client.answer(status, fields, body, this.facts.requestId)
    this.finish(cause)
  }

  /** The body of the request cannot be passed on: nothing more is read from the client. @param status to answer with */
  refuseBody(status: number): void {
    this.body.giveUp()
    if (this.exchange.phase === 'responding') return this.cutBody(status)
    this.withdraw('client-gone')
    this.error(status, 'bad-request', true)
  }

  /** The client has its response already, or a part of it, and cannot be told. */
  private cutBody(status: number): void {
    if (status === CONTENT_TOO_LARGE) this.facts.reason = BODY_TOO_LARGE
    this.abort('bad-request', 'client-gone')
  }

  /** All of the response is written, or the tunnel is closed; the client may have yet to take the rest of it. */
  finish(cause: EndCause): void {
    this.client.flush()
    this.facts.cause = cause
    if (this.client.waiting > 0) this.exchange.enter(EXCHANGE.events.finish)
    else this.flushed()
  }

  /** The client has taken everything: the next request may follow on its connection. */
  flushed(): void {
    if (!this.body.done) this.client.closeAfter()
    this.record(this.facts.cause)
    this.client.exchangeEnded()
  }

  /** The response cannot be completed. */
  abort(cause: EndCause, outcome: Outcome): void {
    this.attempt.disconnect()
    this.attempt.release(outcome)
    this.client.flush()
    this.record(cause)
    this.client.abort()
  }

  /** The client is gone, and will not read the response. */
  clientGone(): void {
    const cause = this.exchange.phase === 'tunnel' ? 'tunnel-closed' : 'client-gone'
    this.withdraw('client-gone')
    if (this.facts.status === 0) this.facts.status = statusOfFailure('client-gone')
    this.record(cause)
  }

  /** Leaves the queue or the backend, whichever the exchange is at. */
  withdraw(outcome: Outcome): void {
    if (this.exchange.phase === 'queued') this.claim.withdraw()
    this.attempt.disconnect()
    this.attempt.release(outcome)
  }

  private record(cause: EndCause): void {
    this.exchange.enter(EXCHANGE.events.end)
    this.facts.end(cause)
    this.body.forget()
    this.context.freeShare()
    this.context.freeWindow()
  }
}
