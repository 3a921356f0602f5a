import type { OutgoingRequest, OwnRequest } from '../forwarding/outgoing-request.ts'
import type { Trailers } from '../forwarding/trailers.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { ERROR, errorName } from '../http2/error-code.ts'
import type { Http2Stream, StreamLoss, StreamOwner } from '../http2/stream.ts'
import { freeBytes } from '../transport/free-bytes.ts'
import type { ResponseSink, UpstreamFailure } from './response-sink.ts'
import type { UpstreamExchange } from './upstream-exchange.ts'

/**
 * What happens to connections of HTTP/2, and to streams of them, for counting.
 *
 * - `upstream-http2`: HTTP/2 is spoken on the connection;
 * - `upstream-goaway`: it takes no more requests, by the backend's word;
 * - `upstream-silent`: it gets no more requests, as the backend has said nothing since it was asked;
 * - `upstream-http2-error`: it was closed because one side has broken the rules;
 * - `upstream-stream-refused`, `upstream-stream-left-out`: the backend has not begun a request, on its own or by going away;
 * - `upstream-stream-reset`: the backend has broken off a response, or refused to give one.
 */
export type LaneEvent =
  | 'upstream-http2'
  | 'upstream-goaway'
  | 'upstream-silent'
  | 'upstream-http2-error'
  | 'upstream-stream-refused'
  | 'upstream-stream-left-out'
  | 'upstream-stream-reset'

/** What a stream needs of its lane. */
export interface LaneHost {
  readonly nowMs: number
  /** Bytes of the connection that the kernel has taken. */
  readonly sent: number
  /** Whether a request was answered on it. */
  readonly hasAnswered: boolean
  readonly maxInterimResponses: number
  /** How long it had not been used, before it was used again. */
  readonly unusedMs: number
  /** Begins a stream with the head of a request. */
  begin(stream: LaneStream, request: OutgoingRequest | OwnRequest): Http2Stream
  /** The block of trailers. */
  trailerBlock(trailers: Trailers): Buffer
  /** A response was complete. */
  answered(): void
  /** The stream does not wait for the lane any more. */
  forget(stream: LaneStream): void
  /** A stream was given up before its response was complete. */
  gaveUp(): void
  note(event: LaneEvent): void
}

/** What may arrive of one response before it is read. */
export const STREAM_WINDOW_BYTES: number = 64 * 1024
/** By how much that grows for a long response, if so much can be kept: the more arrives at a time, the less there is to do. */
export const MORE_WINDOW_BYTES: number = 192 * 1024

/** Of a stream that is not paused. */
const FLOWING = -1

/**
 * A request and its response on a lane. It is an exchange's as long as it has a sink; what comes after that is ignored.
 * A stream that its backend refuses, or that a GOAWAY leaves out, was not executed (RFC 9113 §8.7): `hasSent` says so.
 */
export class LaneStream implements UpstreamExchange, StreamOwner {
  readonly unusedMs: number
  requestComplete = false
  /** When it was paused, or `FLOWING`. */
  private stoppedAt = FLOWING
  /** Bytes of the body that are still to come; `Infinity` if the head does not say how long it is. */
  private remaining = 0
  private readonly lane: LaneHost
  private sink: ResponseSink | undefined
  private stream: Http2Stream | undefined
  /** How it was lost, if it was. */
  private loss: StreamLoss | undefined
  private interims = 0
  private hasGrown = false
  private trailers: Trailers | undefined
  /** The request is HEAD. */
  toHead = false

  constructor(lane: LaneHost, sink: ResponseSink) {
    this.lane = lane
    this.sink = sink
    this.unusedMs = lane.hasAnswered ? lane.unusedMs : 0
  }

  /** A lane that others use was not closed for being unused. */
  get reused(): boolean {
    return this.unusedMs > 0
  }

  get answered(): boolean {
    return this.interims > 0 || this.hasHead
  }

  get wasLeftOut(): boolean {
    return this.loss === 'left-out'
  }

  get isPaused(): boolean {
    return this.stoppedAt !== FLOWING
  }

  get pausedAt(): number {
    return this.isPaused ? this.stoppedAt : 0
  }

  get canRefuse(): boolean {
    return true
  }

  get hasSent(): boolean {
    const { stream } = this
    return stream !== undefined && !this.wasRefused && this.lane.sent > stream.startedAt
  }

  get hasBegun(): boolean {
    return this.answered || this.stream?.wasTaken === true
  }

  get waiting(): number {
    return this.stream?.waiting ?? 0
  }

  get announcedBytes(): number {
    return this.remaining === Number.POSITIVE_INFINITY ? 0 : this.remaining
  }

  // --- the exchange calls

  send(request: OutgoingRequest | OwnRequest): void {
    this.toHead = request.head.isHead
    this.stream = this.lane.begin(this, request)
  }

  data(bytes: Buffer, from: number, to: number): void {
    this.stream!.data(bytes, from, to)
  }

  end(trailers: Trailers | undefined): void {
    this.requestComplete = true
    this.stream!.end(trailers === undefined ? undefined : this.lane.trailerBlock(trailers))
  }

  /** A stream copies what it keeps. */
  freeChunk(chunk: Buffer): void {
    freeBytes(chunk)
  }

  pause(): void {
    if (this.isPaused || this.sink === undefined) return
    this.stoppedAt = this.lane.nowMs
    this.stream?.pause()
  }

  resume(): void {
    if (!this.isPaused) return
    this.stoppedAt = FLOWING
    this.stream?.resume()
  }

  /** There are no tunnels on lanes. */
  shutdownWhenSent(): void {}

  destroy(): void {
    this.sink = undefined
    this.letGo()
  }

  // --- the lane calls

  /** The lane can take the request. */
  ready(): void {
    this.sink?.connected()
  }

  /** The lane cannot be had. */
  unavailable(failure: UpstreamFailure, reason: string | undefined): void {
    if (failure === 'reset') this.loss = 'left-out'
    this.fail(failure, reason)
  }

  /** Whether the next block is that of the trailers. */
  get expectsTrailers(): boolean {
    return this.hasHead
  }

  /** A head, of an interim or of the final response. @param endsStream whether nothing follows */
  head(response: ResponseHead, endsStream: boolean): void {
    const { sink } = this
    if (sink === undefined) return
    if (response.status < 200) return this.interim(response, endsStream)
    this.stream!.sawHead = true
    this.remaining = lengthOf(response)
    sink.head(response)
  }

  trailersCame(trailers: Trailers | undefined): void {
    this.trailers = trailers
  }

  /** What came is no response. @param what it has that cannot be passed on */
  malformed(what: string): void {
    this.fail('bad-response', what)
  }

  // --- StreamOwner

  dataReceived(bytes: Buffer, from: number, to: number): void {
    const { sink } = this
    if (sink === undefined) return
    this.remaining -= to - from
    // A body that differs from what its head says is malformed (RFC 9113 §8.1.1).
    if (this.remaining < 0) return this.malformed('more data than its Content-Length says')
    sink.data(bytes, from, to)
  }

  moreWindow(): number {
    if (this.hasGrown || this.remaining <= STREAM_WINDOW_BYTES) return 0
    if (this.sink?.mayKeep(MORE_WINDOW_BYTES) !== true) return 0
    this.hasGrown = true
    return MORE_WINDOW_BYTES
  }

  ended(): void {
    const { sink } = this
    if (sink === undefined) return
    if (!this.hasHead) return this.malformed('no head')
    if (this.announcedBytes > 0) return this.malformed('less data than its Content-Length says')
    this.sink = undefined
    this.lane.answered()
    // A backend that answers early does not want the rest of the request.
    if (!this.stream!.isOver) this.stream!.reset(ERROR.cancel)
    sink.complete(this.trailers)
  }

  writable(): void {
    this.sink?.upstreamDrained()
  }

  lost(how: StreamLoss, code: number): void {
    this.loss = how
    if (how !== 'closed') this.lane.note(`upstream-stream-${how}`)
    this.fail('reset', how === 'reset' ? `the backend has reset the stream: ${errorName(code)}` : undefined)
  }

  /** The backend has done nothing with the request. */
  private get wasRefused(): boolean {
    return this.loss === 'refused' || this.loss === 'left-out'
  }

  /** The head of the final response has come. */
  private get hasHead(): boolean {
    return this.stream?.sawHead === true
  }

  /** An interim response has no body, and does not end the stream (RFC 9113 §8.1). */
  private interim(response: ResponseHead, endsStream: boolean): void {
    const { maxInterimResponses } = this.lane
    this.interims++
    if (endsStream || response.status === 101)
      return this.malformed(`an end, or a switch, with the status ${response.status}`)
    if (this.interims > maxInterimResponses)
      return this.malformed(`more than ${maxInterimResponses} interim responses`)
    this.sink!.interim(response)
  }

  private fail(failure: UpstreamFailure, reason: string | undefined): void {
    const { sink } = this
    this.sink = undefined
    this.letGo()
    sink?.failed(failure, reason)
  }

  /** The backend need not go on. */
  private letGo(): void {
    if (this.stream === undefined) this.lane.forget(this)
    else this.stream.reset(ERROR.cancel)
    this.lane.gaveUp()
  }
}

/** How long the body is; `Infinity` if the head does not say so. */
function lengthOf({ body }: ResponseHead): number {
  if (body.framing === 'eof') return Number.POSITIVE_INFINITY
  return body.framing === 'length' ? body.length : 0
}
