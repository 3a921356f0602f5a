import type { Trailers } from '../forwarding/trailers.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { UpstreamExchange } from '../upstream/upstream-exchange.ts'
import type { Attempt } from './attempt.ts'
import type { ClientSide } from './client-side.ts'
import { mayConverse } from './conversation.ts'
import { Departure } from './departure.ts'
import type { ExchangeContext } from './exchange-context.ts'
import type { ExchangePhase } from './exchange-phase.ts'
import type { Progress } from './progress.ts'
import type { RequestBody } from './request-body.ts'

const CONTENT_TOO_LARGE = 413

/** What the relay of a request brings about in its exchange. */
export interface RequestingExchange {
  readonly phase: ExchangePhase
  /** Enough of the body has been gathered. */
  claim(): void
  bodyRefused(status: number): void
}

/** Passes a request on to the backend of each attempt, at the pace of the backend. */
export class RequestRelay {
  /** The client waits to be asked for its body (RFC 9110 §10.1.1). */
  awaitsContinue = false
  private readonly context: ExchangeContext
  private readonly exchange: RequestingExchange
  /** Made when the client has ended its side. */
  private departure: Departure | undefined = undefined

  constructor(context: ExchangeContext, exchange: RequestingExchange) {
    this.context = context
    this.exchange = exchange
  }

  private get client(): ClientSide {
    return this.context.client
  }

  private get body(): RequestBody {
    return this.context.body
  }

  private get attempt(): Attempt {
    return this.context.attempt
  }

  private get progress(): Progress {
    return this.context.progress
  }

  /** Forgets the previous request. */
  reset(): void {
    this.awaitsContinue = false
    this.departure = undefined
  }

  get asksForTunnel(): boolean {
    return this.client.upgrade !== undefined
  }

  /** Whether the request can be sent to another backend when one fails (RFC 9110 §9.2.2). */
  get isRepeatable(): boolean {
    return this.context.facts.request?.isIdempotent === true && this.body.done && this.body.isReplayable
  }

  /** Whether body or tunnel bytes of the client can be taken now. */
  get wantsInput(): boolean {
    const { phase } = this.exchange
    if (phase === 'gathering') return true
    const { upstream } = this.attempt
    if (upstream === undefined || upstream.waiting > 0) return false
    if (phase === 'tunnel') return true
    return (phase === 'waiting' || phase === 'responding') && !this.body.done
  }

  // --- the body is read before a backend is claimed, so that a slow client does not occupy one

  /** Whether that is done: while backends are scarce, and there is memory for it. */
  mayGather(head: RequestHead): boolean {
    const { body } = head
    const { settings, claims } = this.context.plane
    const { maxRequestBufferBytes } = settings.limits
    if (this.body.done || maxRequestBufferBytes === 0 || !claims.isPressed || mayConverse(head)) return false
    const bytes = body.isOpenEnded ? maxRequestBufferBytes : Math.min(body.length, maxRequestBufferBytes)
    return this.context.share.growTo(bytes)
  }

  /** A client that waits to be asked for its body is asked here, as there is no backend that could do it. */
  beginGathering(head: RequestHead): void {
    this.body.beginGathering(this.context.plane.settings.limits.maxRequestBufferBytes)
    if (head.expectsContinue) this.client.askForBody()
  }

  private gather(bytes: Buffer, from: number, to: number): void {
    if (!this.body.gather(bytes, from, to)) this.exchange.bodyRefused(CONTENT_TOO_LARGE)
    else if (this.body.isGathered) this.exchange.claim()
  }

  // --- the request is sent

  /** Sends the head, and what was read or kept of the body. @param again whether an attempt before this one failed */
  send(upstream: UpstreamExchange, again: boolean): void {
    const { body } = this
    const head = this.context.facts.request!
    upstream.send(this.context)
    if (again || body.gathered) body.replay(upstream)
    if (upstream.reused || upstream.canRefuse || head.isIdempotent) body.keep(upstream.hasBegun)
    else body.forget()
    if (body.done) return this.sent(upstream)
    this.awaitsContinue = head.expectsContinue && body.received === 0
    this.client.inputWanted()
  }

  /** Takes body or tunnel bytes. Only while `wantsInput`. */
  take(bytes: Buffer, from: number, to: number): void {
    const { phase } = this.exchange
    this.progress.clientMoved()
    if (phase === 'gathering') return this.gather(bytes, from, to)
    const upstream = this.attempt.upstream!
    this.awaitsContinue = false
    if (phase === 'tunnel') upstream.data(bytes, from, to)
    else if (!this.body.pass(bytes, from, to, upstream)) return this.exchange.bodyRefused(CONTENT_TOO_LARGE)
    if (upstream.waiting > 0) this.client.inputNotWanted()
  }

  /** The client has sent all of the body. */
  end(trailers: Trailers | undefined): void {
    if (this.body.done) return
    const { phase } = this.exchange
    this.progress.clientMoved()
    this.awaitsContinue = false
    this.body.end(this.context.plane.settings.forwarding.requestTrailers ? trailers : undefined)
    if (phase === 'gathering') this.exchange.claim()
    else if (phase === 'waiting' || phase === 'responding') this.sent(this.attempt.upstream!)
  }

  /** The backend says nothing to `Expect: 100-continue`: the balancer asks the client. */
  continueAnyway(): void {
    this.awaitsContinue = false
    this.client.askForBody()
    this.client.inputWanted()
  }

  /** The client has ended its side. */
  noteDeparture(): void {
    if (this.departure !== undefined) return
    this.departure = new Departure(this.context)
    if (this.attempt.upstream?.requestComplete === true) this.departure.requestSent()
  }

  /** The client's connection does not need this chunk any more: the memory of a large upload is freed at once. */
  freeChunk(chunk: Buffer): void {
    const { upstream } = this.attempt
    if (upstream === undefined || this.body.holds || this.context.facts.request?.isIn(chunk) === true) return
    upstream.freeChunk(chunk)
  }

  private sent(upstream: UpstreamExchange): void {
    upstream.end(this.body.trailers)
    this.progress.backendMoved()
    this.departure?.requestSent()
  }
}
