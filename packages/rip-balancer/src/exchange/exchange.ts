import type { Trailers } from '../forwarding/trailers.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { GraphEvent } from '../state-table.ts'
import type { Backend } from '../upstream/backend.ts'
import type { UpstreamFailure } from '../upstream/response-sink.ts'
import type { UpstreamExchange } from '../upstream/upstream-exchange.ts'
import type { Answers } from './answers.ts'
import type { Attempt } from './attempt.ts'
import { BackendClaim, type ClaimOwner } from './backend-claim.ts'
import type { ClientSide } from './client-side.ts'
import type { DataPlane } from './data-plane.ts'
import { Ending } from './ending.ts'
import { ExchangeContext } from './exchange-context.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import { EXCHANGE, type ExchangeEvent, type ExchangePhase, type PhaseHolder } from './exchange-phase.ts'
import { causeOf } from './failure.ts'
import { Overdue } from './overdue.ts'
import { answersOf } from './page-answers.ts'
import { responseRelayOf } from './page-relay.ts'
import type { Progress } from './progress.ts'
import type { EndCause } from './record.ts'
import { requestInFlight, type RequestInFlight } from './request-in-flight.ts'
import { RequestRelay } from './request-relay.ts'
import type { ResponseRelay } from './response-relay.ts'
import { Retries, type FailedOutcome } from './retries.ts'

const MALFORMED = 400

/**
 * One request and its response, in the order in which things happen: a backend is claimed, the request is sent to it,
 * the response is relayed, the exchange is recorded; or an attempt fails, and another one is made or an error answered.
 *
 * It holds the phase (`exchange-phase.ts` says what each means and what may follow) and decides what comes next. Its parts
 * do the rest: `RequestRelay` and `ResponseRelay`, one for each direction; `BackendClaim`, `Attempt` and `Retries` on the
 * way to a backend; `Answers` and `Ending`, which leads to the record; `Overdue` when time is up. What they share is in
 * `ExchangeContext`.
 *
 * Four others call it: the client's side (`ClientSide` says how), the pool if the request waited in its queue (`granted`,
 * `refused`), the connection to the backend through the `ResponseRelay`, and ten times a second the timer (`tick`).
 *
 * A client connection has one such object and uses it for all its requests, one after the other, so that a request
 * allocates nothing here.
 */
export class Exchange implements ClaimOwner, PhaseHolder {
  private state = EXCHANGE.states.idle
  private readonly context: ExchangeContext
  private readonly facts: ExchangeFacts
  private readonly attempt: Attempt
  private readonly progress: Progress
  private readonly answers: Answers
  private readonly request: RequestRelay
  private readonly retries: Retries
  private readonly backendClaim: BackendClaim
  private readonly ending: Ending
  private readonly response: ResponseRelay
  private readonly overdue: Overdue

  constructor(plane: DataPlane, client: ClientSide) {
    const context = new ExchangeContext(plane, client)
    this.context = context
    this.facts = context.facts
    this.attempt = context.attempt
    this.progress = context.progress
    this.answers = answersOf(plane, this.facts)
    this.request = new RequestRelay(context, this)
    this.retries = new Retries(context, this.request)
    this.backendClaim = new BackendClaim(context, this.request, this.retries, this)
    this.ending = new Ending(context, this.answers, this.backendClaim, this)
    this.response = responseRelayOf(context, this.request, this.ending, this)
    const { request, response, retries, backendClaim, ending } = this
    this.overdue = new Overdue(context, { request, response, retries, backendClaim, ending }, this)
  }

  get isIdle(): boolean {
    return this.phase === 'idle'
  }

  get phase(): ExchangePhase {
    return this.state.name
  }

  /** Something happened that changes the phase. Called by the parts as well. */
  enter(event: GraphEvent<ExchangeEvent>): void {
    this.state = this.state.after(event)
    this.progress.enterPhase()
  }

  /** The request that is being answered, unless it became a tunnel or an event stream. @param nowMs monotonic */
  inFlight(nowMs: number): RequestInFlight | undefined {
    if (this.phase === 'idle' || this.attempt.isLongLived) return undefined
    return requestInFlight(this.facts, this.phase, nowMs)
  }

  // --- a request comes

  /** Begins with a head that passed all checks. @param firstByteAt when its first byte arrived */
  begin(head: RequestHead, firstByteAt: number): void {
    this.start(head, firstByteAt)
    this.facts.readClaims(head)
    this.context.body.begin(head.hasBody)
    const answer = this.answers.to(head)
    if (answer !== undefined) this.ending.answer(answer)
    else if (this.request.mayGather(head)) this.gather(head)
    else this.claim()
  }

  /** Refuses a request that is malformed or too slow; nothing more is read from the client. @param head as far as it was read */
  refuse(head: RequestHead | undefined, status: number, cause: EndCause, firstByteAt: number): void {
    this.start(head, firstByteAt)
    this.context.body.begin(false)
    this.ending.error(status, cause, true)
  }

  /** Forgets the previous request. */
  private start(head: RequestHead | undefined, firstByteAt: number): void {
    this.enter(EXCHANGE.events.begin)
    this.facts.begin(head, firstByteAt)
    this.retries.reset()
    this.request.reset()
    this.progress.begin()
    this.context.plane.settings.observer.started()
  }

  /** Backends are scarce: the body is read before one is claimed. */
  private gather(head: RequestHead): void {
    this.enter(EXCHANGE.events.gather)
    this.request.beginGathering(head)
  }

  // --- a backend is claimed

  claim(): void {
    this.enter(EXCHANGE.events.claim)
    const refusal = this.request.asksForTunnel ? this.attempt.longLife.refusalOfClient : undefined
    if (refusal !== undefined) return this.ending.fail(refusal)
    const result = this.backendClaim.make()
    if (typeof result === 'string') return this.ending.fail(result)
    if (result !== undefined) this.connect(result)
  }

  /** The pool has a backend for the request that waited in its queue. */
  granted(backend: Backend): void {
    this.connect(backend)
  }

  /** The pool gives up on the request that waited in its queue. */
  refused(cause: EndCause): void {
    this.ending.fail(cause)
  }

  // --- the request is sent

  /** Sends at once if a connection is ready, or waits for one. */
  private connect(backend: Backend): void {
    const { attempt, response, context } = this
    const { upstreams } = context.plane
    attempt.begin(backend)
    const ready = upstreams.ready(backend, response, context, this.retries.hasFailed)
    attempt.upstream = ready
    if (ready !== undefined) return this.send(ready)
    this.enter(EXCHANGE.events.connect)
    attempt.upstream = upstreams.connect(backend, response, context)
  }

  connected(): void {
    this.send(this.attempt.upstream!)
  }

  private send(upstream: UpstreamExchange): void {
    this.enter(EXCHANGE.events.send)
    this.request.send(upstream, this.retries.hasFailed)
  }

  // --- the client sends its body; the response follows in the `ResponseRelay`

  /** Whether body or tunnel bytes of the client can be taken now. */
  get wantsInput(): boolean {
    return this.request.wantsInput
  }

  /** Takes body or tunnel bytes of the client, all of them. Only while `wantsInput`. */
  take(bytes: Buffer, from: number, to: number): void {
    this.request.take(bytes, from, to)
  }

  /** The client has sent all of the body. @param trailers valid until the exchange has ended */
  bodyEnded(trailers: Trailers | undefined): void {
    this.request.end(trailers)
  }

  /** The body is malformed, or too large. @param status to answer with */
  bodyRefused(status: number): void {
    this.ending.refuseBody(status)
  }

  /** The client's connection does not need this chunk any more. */
  freeChunk(chunk: Buffer): void {
    this.request.freeChunk(chunk)
  }

  // --- an attempt fails

  failed(failure: UpstreamFailure, reason: string | undefined): void {
    const { attempt, ending, retries, phase } = this
    const upstream = attempt.upstream!
    attempt.upstream = undefined
    this.facts.noteReason(reason)
    if (phase === 'tunnel') return this.tunnelClosed()
    if (phase === 'responding') return ending.abort(causeOf(failure), failure)
    const next = retries.afterFailure(failure, upstream, phase === 'waiting')
    if (next === 'claim') this.claim()
    else if (next === 'back-off') this.enter(EXCHANGE.events['back-off'])
    else ending.fail(causeOf(failure))
  }

  /** The backend is too slow: the next one is asked, each of them once. */
  giveUpOn(failure: FailedOutcome): void {
    this.attempt.disconnect()
    this.retries.endAttempt(failure)
    this.claim()
  }

  /** The backend has ended the tunnel, which is no failure. */
  private tunnelClosed(): void {
    this.attempt.release('ok')
    this.ending.finish('tunnel-closed')
  }

  // --- the client stops reading, sending, or waiting

  /** The client took all that was waiting for it. */
  clientDrained(): void {
    this.progress.clientMoved()
    this.context.freeShare()
    if (this.phase === 'flushing') this.ending.flushed()
    else this.attempt.resume()
  }

  /** The client stopped sending. @returns whether the exchange goes on */
  clientEnded(): boolean {
    if (this.phase === 'tunnel') return this.tunnelInputEnded()
    if (this.phase === 'queued' || this.phase === 'backing-off' || this.awaitsUpgrade) return false
    this.context.client.closeAfter()
    if (this.phase === 'flushing') return true
    if (this.context.body.done && this.context.plane.settings.halfClose === 'abort') return false
    if (this.context.body.done) this.noteHalfClose()
    else this.bodyRefused(MALFORMED)
    return true
  }

  private tunnelInputEnded(): true {
    this.attempt.longLife.tunnelEnds = true
    this.attempt.upstream?.shutdownWhenSent()
    return true
  }

  /** A client that has ended its side could send nothing through the tunnel it asks for. */
  private get awaitsUpgrade(): boolean {
    return this.request.asksForTunnel && (this.phase === 'connecting' || this.phase === 'waiting')
  }

  /** The client has ended its side; requests it sent before may still follow this one. */
  noteHalfClose(): void {
    this.request.noteDeparture()
  }

  /** The client is gone, and will not read the response. */
  clientGone(): void {
    if (this.phase !== 'idle') this.ending.clientGone()
  }

  /** Checks all time limits. @param now monotonic milliseconds */
  tick(now: number): void {
    if (this.phase !== 'idle') this.overdue.tick(now)
  }
}
