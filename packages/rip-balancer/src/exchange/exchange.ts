import type { Trailers } from '../forwarding/trailers.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import type { Backend } from '../upstream/backend.ts'
import type { LongLived, Outcome } from '../pool/claim.ts'
import { nextState } from '../state-table.ts'
import type { ResponseSink, UpstreamFailure } from '../upstream/response-sink.ts'
import type { UpstreamExchange } from '../upstream/upstream-exchange.ts'
import { Answers, type Answer } from './answers.ts'
import { Attempt } from './attempt.ts'
import { BackendClaim, type ClaimOwner } from './backend-claim.ts'
import { BufferShare } from './buffer-budget.ts'
import type { ClientSide } from './client-side.ts'
import type { DataPlane } from './data-plane.ts'
import { Deadlines, type TimedExchange } from './deadlines.ts'
import { opensEventStream } from './event-stream.ts'
import { ExchangeFacts } from './exchange-facts.ts'
import { EXCHANGE_PHASES, type ExchangeEvent, type ExchangePhase } from './exchange-phase.ts'
import { causeOf, statusOfFailure } from './failure.ts'
import { Progress } from './progress.ts'
import type { EndCause } from './record.ts'
import { RequestBody } from './request-body.ts'
import { RequestRelay } from './request-relay.ts'
import { ResponseRelay } from './response-relay.ts'
import { Retries, type FailedOutcome, type NextStep } from './retries.ts'

const MALFORMED = 400
const CONTENT_TOO_LARGE = 413

/**
 * One request and its response, in the order in which things happen: a backend is claimed, the request is sent to it,
 * the response is relayed, the exchange is recorded; or an attempt fails, and another one is made or an error answered.
 *
 * It holds the phase (`exchange-phase.ts` says what each means and what may follow), and leaves the rest to its parts: `RequestRelay` and `ResponseRelay`, `BackendClaim`, `Attempt` and `Retries`, `Answers`,
 * `Deadlines`, and `ExchangeFacts`, which become the record. The client connection calls it first (`begin`, `take`,
 * `clientEnded`, …), then its claim, if that waited in the queue of the pool (`granted`), then the connection to the backend (`connected`, `head`, `data`, …), and ten
 * times a second the timer (`tick`).
 *
 * Every request comes to its end in one of three ways: `finish`, when a response is complete, a backend's or one of the
 * balancer's own (`answer`); `abort`, when the response has begun and cannot be completed; `clientGone`. All of them record.
 *
 * A client connection has one such object and uses it for all its requests, one after the other, so that a request
 * allocates nothing here.
 */
export class Exchange implements ClaimOwner, ResponseSink, TimedExchange {
  phase: ExchangePhase = 'idle'
  private readonly plane: DataPlane
  private readonly client: ClientSide
  private readonly body: RequestBody
  private readonly facts: ExchangeFacts
  private readonly progress: Progress
  private readonly share: BufferShare
  private readonly attempt: Attempt
  private readonly retries: Retries
  private readonly backendClaim: BackendClaim
  private readonly answers: Answers
  private readonly request: RequestRelay
  private readonly response: ResponseRelay
  private readonly deadlines: Deadlines

  constructor(plane: DataPlane, client: ClientSide) {
    this.plane = plane
    this.client = client
    this.body = new RequestBody(plane.settings.limits)
    this.facts = new ExchangeFacts(plane, client, this.body)
    this.progress = new Progress(plane.turn.clock)
    this.share = new BufferShare(plane.buffers)
    const { body, facts, progress, share } = this
    this.attempt = new Attempt(plane, facts)
    this.request = new RequestRelay(plane, client, body, facts, this.attempt, progress)
    this.retries = new Retries(plane, body, facts, this.request, this.attempt)
    this.backendClaim = new BackendClaim(plane, facts, this.request, this.retries, progress, this)
    this.answers = new Answers(plane, facts)
    this.response = new ResponseRelay(plane, client, facts, this.attempt, share)
    this.deadlines = new Deadlines(
      plane,
      client,
      body,
      facts,
      this.request,
      this.attempt,
      progress,
      share,
      this,
    )
  }

  get isIdle(): boolean {
    return this.phase === 'idle'
  }

  /** Whether body or tunnel bytes of the client can be taken now. */
  get wantsInput(): boolean {
    if (this.phase === 'gathering') return true
    const { upstream } = this.attempt
    if (upstream === undefined || upstream.waiting > 0) return false
    if (this.phase === 'tunnel') return true
    return (this.phase === 'waiting' || this.phase === 'responding') && !this.body.done
  }

  // --- a request comes

  /** Begins with a head that passed all checks. @param firstByteAt when its first byte arrived */
  begin(head: RequestHead, firstByteAt: number): void {
    this.start(head, firstByteAt)
    this.facts.readClaims(head)
    this.body.begin(head.hasBody)
    const answer = this.answers.to(head)
    if (answer !== undefined) this.answer(answer)
    else if (this.request.mayGather(head, this.share)) this.gather(head)
    else this.claim()
  }

  /** Refuses a request that is malformed or too slow; nothing more is read from the client. */
  refuse(head: RequestHead | undefined, status: number, cause: EndCause, firstByteAt: number): void {
    this.start(head, firstByteAt)
    this.body.begin(false)
    this.answer(this.answers.error(status, cause, true))
  }

  /** Forgets the previous request. @param head as far as it was read */
  private start(head: RequestHead | undefined, firstByteAt: number): void {
    this.enter('begin')
    this.facts.begin(head, firstByteAt)
    this.retries.reset()
    this.request.reset()
    this.progress.begin()
    this.plane.settings.observer.started()
  }

  private enter(event: ExchangeEvent): void {
    this.phase = nextState(EXCHANGE_PHASES, this.phase, event)
    this.progress.enterPhase()
  }

  /** Backends are scarce: the body is read before one is claimed. */
  private gather(head: RequestHead): void {
    this.enter('gather')
    this.request.beginGathering(head)
  }

  /** Takes body or tunnel bytes of the client, all of them. Only while `wantsInput`. */
  take(bytes: Buffer, from: number, to: number): void {
    this.progress.clientMoved()
    if (this.phase === 'tunnel') return this.request.takeForTunnel(bytes, from, to)
    if (this.phase === 'gathering') return this.takeEarly(bytes, from, to)
    if (!this.request.take(bytes, from, to)) this.bodyRefused(CONTENT_TOO_LARGE)
  }

  private takeEarly(bytes: Buffer, from: number, to: number): void {
    if (!this.body.gather(bytes, from, to)) return this.bodyRefused(CONTENT_TOO_LARGE)
    if (this.body.isGathered) this.claim()
  }

  /** The client has sent all of the body. @param trailers valid until the exchange has ended */
  bodyEnded(trailers: Trailers | undefined): void {
    if (this.body.done) return
    const { phase } = this
    this.progress.clientMoved()
    this.request.end(trailers, phase === 'waiting' || phase === 'responding')
    if (phase === 'gathering') this.claim()
  }

  /** The body is malformed, or too large: nothing more is read from the client. @param status to answer with */
  bodyRefused(status: number): void {
    this.body.giveUp()
    if (this.phase === 'responding') return this.abort('bad-request', 'client-gone')
    this.withdraw('client-gone')
    this.answer(this.answers.error(status, 'bad-request', true))
  }

  /** The client's connection does not need this chunk any more. */
  freeChunk(chunk: Buffer): void {
    this.request.freeChunk(chunk)
  }

  // --- a backend is claimed

  private claim(): void {
    this.enter('claim')
    const refusal = this.request.asksForTunnel ? this.attempt.refusalOfClient : undefined
    if (refusal !== undefined) return this.fail(refusal)
    const result = this.backendClaim.make()
    if (typeof result === 'string') return this.fail(result)
    if (result !== undefined) this.connect(result)
  }

  /** The pool has a backend for the request that waited in its queue. */
  granted(backend: Backend): void {
    this.connect(backend)
  }

  /** The pool gives up on the request that waited in its queue. */
  refused(cause: EndCause): void {
    this.fail(cause)
  }

  // --- the request is sent

  /** Sends on a connection that is kept open, or opens one; after a failed attempt always a new one. */
  private connect(backend: Backend): void {
    const { attempt, facts, plane, retries } = this
    attempt.begin(backend)
    const kept = retries.hasFailed
      ? undefined
      : plane.upstreams.takeIdle(backend, this, facts.request!.isIdempotent)
    attempt.upstream = kept
    if (kept !== undefined) return this.send(kept)
    this.enter('connect')
    attempt.upstream = plane.upstreams.open(backend, this)
  }

  connected(): void {
    this.send(this.attempt.upstream!)
  }

  private send(upstream: UpstreamExchange): void {
    this.enter('send')
    this.request.send(upstream, this.retries.hasFailed)
  }

  upstreamDrained(): void {
    this.progress.backendMoved()
    this.client.inputWanted()
  }

  // --- the response is relayed

  interim(response: ResponseHead): void {
    this.progress.backendMoved()
    if (response.status !== 100) return this.client.interim(response)
    if (!this.request.awaitsContinue) return
    this.request.awaitsContinue = false
    this.client.interim(response)
    this.client.inputWanted()
  }

  switching(response: ResponseHead): void {
    if (this.refusesToHold()) return
    this.response.switching(response)
    this.enter('switch')
    this.hold('tunnel')
    this.client.inputWanted()
  }

  head(response: ResponseHead): void {
    const isEventStream = opensEventStream(response)
    if (isEventStream && this.refusesToHold()) return
    const edits = this.response.editsTo(response)
    if (edits === null) return this.hookFailed()
    // The response is passed on from here: no other attempt can follow.
    this.body.forget()
    this.share.free()
    if (this.refusesBody(response)) this.client.closeAfter()
    this.response.head(response, edits)
    this.request.awaitsContinue = false
    this.enter('respond')
    if (isEventStream) this.hold('event-stream')
  }

  data(bytes: Buffer, from: number, to: number): void {
    this.progress.backendMoved()
    this.response.data(bytes, from, to)
  }

  complete(trailers: Trailers | undefined): void {
    this.client.end(trailers)
    this.client.flush()
    this.attempt.upstream = undefined
    this.attempt.release('ok')
    this.finish('completed')
  }

  tunnelEnded(): void {
    this.attempt.tunnelEnds = true
    this.client.shutdown()
  }

  /** A final response while the body is not even wanted, or that refuses it: the rest will not be read (RFC 9112 §9.5). */
  private refusesBody(response: ResponseHead): boolean {
    return !this.body.done && (this.request.awaitsContinue || response.status >= 300)
  }

  private hookFailed(): void {
    this.withdraw('ok')
    this.answer(this.answers.error(502, 'local-failure'))
  }

  /** Answers with 503 instead of becoming a tunnel or an event stream, when there are as many as there may be. */
  private refusesToHold(): boolean {
    const refusal = this.attempt.refusalToHold
    if (refusal === undefined) return false
    this.withdraw('ok')
    this.fail(refusal)
    return true
  }

  private hold(kind: LongLived): void {
    this.client.exchangeLasts()
    this.attempt.hold(kind)
  }

  // --- an attempt fails

  failed(failure: UpstreamFailure, reason?: string): void {
    const { attempt, facts, retries } = this
    const upstream = attempt.upstream!
    attempt.upstream = undefined
    facts.noteReason(reason)
    if (this.phase === 'tunnel') return this.tunnelClosed()
    if (this.phase === 'responding') return this.abort(causeOf(failure), failure)
    this.goOn(retries.afterFailure(failure, upstream, this.phase === 'waiting'), failure)
  }

  /** The attempt that failed has ended. */
  private goOn(next: NextStep, failure: FailedOutcome): void {
    if (next === 'claim') return this.claim()
    if (next === 'back-off') return this.enter('back-off')
    this.fail(causeOf(failure))
  }

  /** The backend is too slow: the next one is asked, each of them once. */
  private giveUpOn(failure: FailedOutcome): void {
    this.attempt.disconnect()
    this.retries.endAttempt(failure)
    this.claim()
  }

  /** The backend has ended the tunnel, which is no failure. */
  private tunnelClosed(): void {
    this.attempt.release('ok')
    this.finish('tunnel-closed')
  }

  // --- the client stops reading, sending, or waiting

  /** The client took all that was waiting for it. */
  clientDrained(): void {
    this.progress.clientMoved()
    this.share.free()
    if (this.phase === 'flushing') return this.end(this.facts.cause)
    this.attempt.upstream?.resume()
  }

  /** The client stopped sending. @returns whether the exchange goes on */
  clientEnded(): boolean {
    if (this.phase === 'tunnel') {
      this.attempt.tunnelEnds = true
      this.attempt.upstream?.shutdownWhenSent()
      return true
    }
    if (this.phase === 'queued' || this.phase === 'backing-off' || this.awaitsUpgrade) return false
    this.client.closeAfter()
    if (this.phase === 'flushing') return true
    if (this.body.done && this.plane.settings.halfClose === 'abort') return false
    if (this.body.done) this.noteHalfClose()
    else this.bodyRefused(MALFORMED)
    return true
  }

  /** A client that has ended its side could send nothing through the tunnel it asks for. */
  private get awaitsUpgrade(): boolean {
    return this.request.asksForTunnel && (this.phase === 'connecting' || this.phase === 'waiting')
  }

  /** The client has ended its side; requests it sent before may still follow this one. */
  noteHalfClose(): void {
    this.request.noteHalfClose()
  }

  /** The client is gone, and will not read the response. */
  clientGone(): void {
    if (this.phase === 'idle') return
    const cause = this.phase === 'tunnel' ? 'tunnel-closed' : 'client-gone'
    this.withdraw('client-gone')
    if (this.facts.status === 0) this.facts.status = statusOfFailure('client-gone')
    this.record(cause)
  }

  // --- time passes

  /** Checks all time limits. @param now monotonic milliseconds */
  tick(now: number): void {
    if (this.phase === 'idle') return
    switch (this.deadlines.missed(now)) {
      case 'reading':
        return this.abort('client-timeout', 'client-gone')
      case 'body':
        return this.clientTimedOut()
      case 'continue':
        return this.request.continueAnyway()
      case 'back-off':
        this.backendClaim.noteWait()
        return this.claim()
      case 'connect':
        return this.giveUpOn('connect-timeout')
      case 'trial':
        return this.giveUpOn('response-timeout')
      case 'response':
        return this.takesAnother() ? this.giveUpOn('response-timeout') : this.timedOut()
      case 'total':
        return this.timedOut()
      case 'tunnel':
        return this.abort('tunnel-closed', 'ok')
      case undefined:
        return this.response.resumeIfBuffered()
    }
  }

  /** Whether another backend is asked in place of this one, of which nothing was passed on. */
  private takesAnother(): boolean {
    return this.phase === 'waiting' && this.retries.takesAnother()
  }

  private clientTimedOut(): void {
    if (this.phase === 'responding') return this.abort('client-timeout', 'client-gone')
    this.withdraw('client-gone')
    this.body.giveUp()
    this.client.closeAfter()
    this.fail('client-timeout')
  }

  /** The response took too long. That an event stream is silent says nothing about its backend. */
  private timedOut(): void {
    if (this.attempt.isHeld) return this.abort('response-timeout', 'ok')
    if (this.phase === 'responding' || this.phase === 'flushing')
      return this.abort('response-timeout', 'response-timeout')
    this.withdraw('response-timeout')
    this.fail('response-timeout')
  }

  /** Others wait for the place this slow client keeps. */
  giveWay(): void {
    this.clientTimedOut()
  }

  // --- the end

  private fail(cause: EndCause): void {
    this.answer(this.answers.failure(cause))
  }

  /** Answers in place of a backend. */
  private answer({ status, fields, body, cause, closes }: Answer): void {
    this.facts.status = status
    if (closes === true || !this.body.done) this.client.closeAfter()
    this.client.answer(status, fields, body, this.facts.requestId)
    this.finish(cause)
  }

  /** All of the response is written, or the tunnel is closed; the client may have yet to take the rest of it. */
  private finish(cause: EndCause): void {
    this.client.flush()
    this.facts.cause = cause
    if (this.client.waiting > 0) return this.enter('finish')
    this.end(cause)
  }

  /** The client has taken everything: the next request may follow on its connection. */
  private end(cause: EndCause): void {
    if (!this.body.done) this.client.closeAfter()
    this.record(cause)
    this.client.exchangeEnded()
  }

  /** The response cannot be completed. */
  private abort(cause: EndCause, outcome: Outcome): void {
    this.attempt.disconnect()
    this.attempt.release(outcome)
    this.client.flush()
    this.record(cause)
    this.client.abort()
  }

  /** Leaves the queue or the backend, whichever the exchange is at. */
  private withdraw(outcome: Outcome): void {
    if (this.phase === 'queued') this.backendClaim.withdraw()
    this.attempt.disconnect()
    this.attempt.release(outcome)
  }

  private record(cause: EndCause): void {
    this.enter('end')
    this.facts.end(cause)
    this.body.forget()
    this.share.free()
  }
}
