import type { Trailers } from '../forwarding/trailers.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import type { LongLived } from '../pool/claim.ts'
import type { ResponseSink, UpstreamFailure } from '../upstream/response-sink.ts'
import type { Attempt } from './attempt.ts'
import type { ClientSide } from './client-side.ts'
import type { Ending } from './ending.ts'
import { opensEventStream } from './event-stream.ts'
import type { ExchangeContext } from './exchange-context.ts'
import { EXCHANGE, type PhaseHolder } from './exchange-phase.ts'
import type { Progress } from './progress.ts'
import type { RequestRelay } from './request-relay.ts'
import type { ResponseEdits } from './response-edits.ts'

/** The other half of the buffers is left for what slow clients keep waiting. */
const WINDOW_PART = 0.5

/** What the backend brings about in an exchange, beside its response. */
export interface RespondingExchange extends PhaseHolder {
  connected(): void
  failed(failure: UpstreamFailure, reason: string | undefined): void
}

/** Passes the response of a backend on to the client, at the pace of the client: what the connection to the backend talks to. */
export class ResponseRelay implements ResponseSink {
  private readonly context: ExchangeContext
  private readonly request: RequestRelay
  private readonly ending: Ending
  private readonly edits: ResponseEdits | undefined
  private readonly exchange: RespondingExchange

  /** @param edits what settings do with heads, if they do anything */
  constructor(
    context: ExchangeContext,
    request: RequestRelay,
    ending: Ending,
    exchange: RespondingExchange,
    edits: ResponseEdits | undefined,
  ) {
    this.context = context
    this.request = request
    this.ending = ending
    this.edits = edits
    this.exchange = exchange
  }

  private get client(): ClientSide {
    return this.context.client
  }

  private get attempt(): Attempt {
    return this.context.attempt
  }

  private get progress(): Progress {
    return this.context.progress
  }

  connected(): void {
    this.exchange.connected()
  }

  failed(failure: UpstreamFailure, reason?: string): void {
    this.exchange.failed(failure, reason)
  }

  upstreamDrained(): void {
    this.progress.backendMoved()
    this.client.inputWanted()
  }

  // --- heads

  interim(response: ResponseHead): void {
    this.progress.backendMoved()
    if (response.status !== 100) return this.client.interim(response)
    if (!this.request.awaitsContinue) return
    this.request.awaitsContinue = false
    this.client.interim(response)
    this.client.inputWanted()
  }

  switching(response: ResponseHead): void {
    if (this.mayNotLast()) return
    this.edits?.learn(response)
    this.noteHead(101)
    this.client.switching(response, this.edits?.cookie)
    this.exchange.enter(EXCHANGE.events.switch)
    this.beginLongLife('tunnel')
    this.client.inputWanted()
  }

  head(response: ResponseHead): void {
    const isEventStream = opensEventStream(response)
    if (isEventStream && this.mayNotLast()) return
    const edits = this.edits?.to(response)
    if (edits === 'hook-threw') return this.hookFailed()
    // The response is passed on from here: no other attempt can follow.
    this.context.body.forget()
    this.context.freeShare()
    if (this.refusesBody(response)) this.client.closeAfter()
    this.noteHead(response.status)
    const id = this.context.plane.settings.forwarding.exposeRequestId
      ? this.context.facts.idOrNumber
      : undefined
    this.client.head(response, id, edits)
    this.request.awaitsContinue = false
    this.exchange.enter(EXCHANGE.events.respond)
    if (isEventStream) this.beginLongLife('event-stream')
  }

  private noteHead(status: number): void {
    this.context.facts.status = status
    this.context.facts.responseMs = this.attempt.ageMs
  }

  /** A final response while the body is not even wanted, or that refuses it: the rest will not be read (RFC 9112 §9.5). */
  private refusesBody(response: ResponseHead): boolean {
    return !this.context.body.done && (this.request.awaitsContinue || response.status >= 300)
  }

  private hookFailed(): void {
    this.ending.withdraw('ok')
    this.ending.error(502, 'local-failure')
  }

  // --- tunnels and event streams

  /** Answers with 503 instead of becoming one, when there are as many as there may be. */
  private mayNotLast(): boolean {
    const refusal = this.attempt.longLife.refusalAt(this.attempt.backend!)
    if (refusal === undefined) return false
    this.ending.withdraw('ok')
    this.ending.fail(refusal)
    return true
  }

  private beginLongLife(kind: LongLived): void {
    this.client.exchangeLasts()
    this.attempt.beginLongLife(kind)
  }

  tunnelEnded(): void {
    this.attempt.longLife.tunnelEnds = true
    this.client.shutdown()
  }

  // --- the body

  data(bytes: Buffer, from: number, to: number): void {
    this.progress.backendMoved()
    this.client.data(bytes, from, to)
    if (this.client.waiting > 0 && !this.mayBuffer()) this.attempt.pause()
  }

  /** Until the exchange is over: what has come may be with the client's side still. */
  mayKeep(bytes: number): boolean {
    return this.context.window.growTo(bytes, WINDOW_PART)
  }

  complete(trailers: Trailers | undefined): void {
    this.client.end(trailers)
    this.client.flush()
    this.attempt.upstream = undefined
    this.attempt.release('ok')
    this.ending.finish('completed')
  }

  /** Reads on from a backend that waits for the client, if what it has to say can be kept for the client meanwhile. */
  resumeIfBuffered(): void {
    const { upstream } = this.attempt
    if (upstream?.isPaused === true && this.mayBuffer()) this.attempt.resume()
  }

  /** Whether the backend may go on while the client does not: if the rest of the response fits, it is free the sooner. */
  private mayBuffer(): boolean {
    if (this.attempt.isLongLived) return false
    const { waiting } = this.client
    const whole = waiting + (this.attempt.upstream?.announcedBytes ?? 0)
    if (whole > this.context.plane.settings.limits.maxResponseBufferBytes) return false
    return this.context.plane.claims.isPressed && this.context.share.growTo(waiting)
  }
}
