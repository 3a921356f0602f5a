import type { OutgoingRequest } from '../forwarding/outgoing-request.ts'
import { RequestWriter } from '../forwarding/request-writer.ts'
import { Trailers } from '../forwarding/trailers.ts'
import type { Framing } from '../http1/body-framing.ts'
import { ChunkedDecoder } from '../http1/chunked-decoder.ts'
import { FIELD } from '../http1/field-name.ts'
import { INCOMPLETE, REFUSED, type HeadLimits } from '../http1/field-section.ts'
import { responseFaultText } from '../http1/response-fault-text.ts'
import { ResponseHead } from '../http1/response-head.ts'
import { switchesTo } from '../http1/upgrade.ts'
import type { ByteSocket } from '../transport/byte-socket.ts'
import { appendChunk, appendLastChunk } from '../transport/chunk-writer.ts'
import type { Clock } from '../transport/clock.ts'
import { freeBytes } from '../transport/free-bytes.ts'
import { Outbox } from '../transport/outbox.ts'
import type { Turn } from '../transport/turn.ts'
import type { GraphEvent } from '../state-table.ts'
import type { DialedConnection } from './dialed-connection.ts'
import type { ResponseSink, UpstreamFailure } from './response-sink.ts'
import type { UpstreamExchange } from './upstream-exchange.ts'
import { UPSTREAM, type UpstreamEvent, type UpstreamState } from './upstream-state.ts'

/** Keeps the connections of one backend. */
export interface ConnectionOwner {
  /** The connection can serve another exchange. */
  park(connection: UpstreamConnection): void
  /** The backend closed the connection because it was unused: while it was parked, or as it was used again. */
  closedUnused(connection: UpstreamConnection): void
  /** The connection is closed. */
  gone(connection: UpstreamConnection, unexpectedBytes: boolean): void
  /** The connection is given up because of an error in our own code. */
  fault(error: unknown): void
}

/** Limits of one connection to a backend. */
export interface UpstreamLimits {
  readonly head: HeadLimits
  readonly maxInterimResponses: number
  readonly idleMs: number
}

/**
 * One HTTP/1.1 connection to a backend: one request at a time, never pipelined. It parses the response and decides
 * whether the connection may serve another request: only if request and response are complete, nothing follows the
 * response, and neither side asked for the end (RFC 9112 §9.3, §11.2).
 */
export class UpstreamConnection implements DialedConnection, UpstreamExchange {
  readonly outbox: Outbox
  /** Whether this is not the first request of the connection. */
  reused = false
  /** HTTP/1.1 has no way to say so. */
  readonly canRefuse = false
  readonly hasBegun = true
  readonly wasLeftOut = false
  /** Whether a byte of the current response has arrived. */
  answered = false
  /** Whether the request, body included, was written. */
  requestComplete = false
  /** When the connection was parked. */
  idleSince = 0
  /** How long it had been unused when it was last used again. */
  unusedMs = 0
  /** When it was last paused, in monotonic milliseconds. */
  pausedAt = 0
  /** How long it may stay unused. */
  idleLimitMs: number
  private readonly socket: ByteSocket
  private readonly clock: Clock
  private readonly owner: ConnectionOwner
  private readonly limits: UpstreamLimits
  private readonly response: ResponseHead
  private decoder: ChunkedDecoder | undefined
  private sink: ResponseSink | undefined
  private current = UPSTREAM.states.connecting
  /** How the body of the current response is delimited. */
  private framing: Framing = 'none'
  /** Bytes of that body that are still to come, where its length was declared. */
  private remaining = 0
  /** Interim responses to the current request. */
  private interims = 0
  /** The current request is HEAD: its response has no body. */
  private toHead = false
  private requestFraming: Framing = 'none'
  /** Protocol the current request asks to switch to. */
  private upgrade: string | undefined
  private readonly writer: RequestWriter
  /** Bytes the kernel had taken before the current request. */
  private sentBefore = 0
  /** Whether the head of the response leaves the connection open. */
  private persists = true
  private paused = false
  /** The socket is shut down when all waiting bytes are sent. */
  private shutdownPending = false

  constructor(
    socket: ByteSocket,
    turn: Turn,
    owner: ConnectionOwner,
    limits: UpstreamLimits,
    sink: ResponseSink | undefined,
    writer: RequestWriter = new RequestWriter(),
  ) {
    this.clock = turn.clock
    this.writer = writer
    this.socket = socket
    this.owner = owner
    this.limits = limits
    this.idleLimitMs = limits.idleMs
    this.outbox = new Outbox(socket, turn.output)
    this.response = new ResponseHead(limits.head)
    this.sink = sink
  }

  get isClosed(): boolean {
    return this.state === 'closed'
  }

  /** Binds a parked connection to an exchange. */
  take(sink: ResponseSink): void {
    this.sink = sink
    this.reused = true
    this.unusedMs = this.clock.nowMs - this.idleSince
  }

  get hasSent(): boolean {
    return this.outbox.sent > this.sentBefore
  }

  get waiting(): number {
    return this.outbox.waiting
  }

  send(request: OutgoingRequest): void {
    const { head } = request
    this.expect(head.isHead)
    this.requestFraming = head.body.framing
    this.upgrade = request.upgrade
    this.writer.write(this.outbox, request)
  }

  data(bytes: Buffer, from: number, to: number): void {
    if (this.requestFraming === 'chunked') appendChunk(this.outbox, bytes, from, to)
    else this.outbox.append(bytes, from, to)
  }

  end(trailers: Trailers | undefined): void {
    this.requestComplete = true
    if (this.requestFraming !== 'chunked') return
    if (trailers === undefined) appendLastChunk(this.outbox)
    else this.writer.writeTrailers(this.outbox, trailers)
  }

  /** Prepares for the response to a request that is about to be written. */
  expect(toHead: boolean): void {
    this.on(UPSTREAM.events.request)
    this.toHead = toHead
    this.answered = this.requestComplete = false
    this.interims = 0
    this.sentBefore = this.outbox.sent
  }

  freeChunk(chunk: Buffer): void {
    this.outbox.release(chunk)
  }

  pause(): void {
    if (this.paused || this.state === 'closed') return
    this.paused = true
    this.pausedAt = this.clock.nowMs
    this.socket.pause()
  }

  resume(): void {
    if (!this.paused || this.state === 'closed') return
    this.paused = false
    this.socket.resume()
  }

  get isPaused(): boolean {
    return this.paused
  }

  /** Bytes of the current response body that are still to come, according to its head. */
  get announcedBytes(): number {
    return this.remaining
  }

  /** Stops sending into a tunnel once everything written is out. */
  shutdownWhenSent(): void {
    this.outbox.flush()
    if (this.outbox.waiting > 0) this.shutdownPending = true
    else if (this.state !== 'closed') this.socket.shutdown()
  }

  /** Closes at once; the exchange hears nothing more. */
  destroy(): void {
    this.sink = undefined
    this.close(false)
  }

  /** Socket event. */
  opened(): void {
    if (this.state !== 'connecting') return
    this.on(UPSTREAM.events.opened)
    this.sink?.connected()
  }

  /** Socket event. */
  received(chunk: Buffer): void {
    if (this.state === 'closed') return
    if (this.sink === undefined || this.state === 'idle') return this.close(true)
    this.answered = true
    this.consume(chunk)
  }

  /** The head is parsed, and the outboxes of clients copy what they keep. */
  consumed(chunk: Buffer): void {
    freeBytes(chunk)
  }

  failed(error: unknown): void {
    this.owner.fault(error)
    this.lost('reset')
  }

  /** Socket event: the backend stopped sending. */
  ended(): void {
    const { sink } = this
    if (this.state === 'closed') return
    if (sink === undefined) return void this.fail('reset')
    if (this.state === 'tunnel') return sink.tunnelEnded()
    if (this.state === 'body' && this.framing === 'eof') this.finish(undefined, false)
    else this.fail('reset')
  }

  /** Socket event: the connection is gone, `failure` and `reason` say why when it never opened. */
  lost(failure: UpstreamFailure, reason?: string): void {
    if (this.state === 'closed') return
    this.fail(failure, reason)
  }

  /** Socket event. */
  writable(): void {
    if (this.outbox.waiting === 0 || !this.outbox.drained()) return
    if (this.shutdownPending) this.socket.shutdown()
    this.sink?.upstreamDrained()
  }

  private get state(): UpstreamState {
    return this.current.name
  }

  private on(event: GraphEvent<UpstreamEvent>): void {
    this.current = this.current.after(event)
  }

  private consume(chunk: Buffer): void {
    const to = chunk.length
    let at = 0
    while (at < to && this.state !== 'closed') {
      if (this.state === 'head') at = this.consumeHead(chunk, at, to)
      else if (this.state === 'body') at = this.consumeBody(chunk, at, to)
      else return this.sink?.data(chunk, at, to)
      if (at < 0) return
    }
  }

  /** @returns where to go on, or -1 when the rest is no longer of interest */
  private consumeHead(chunk: Buffer, from: number, to: number): number {
    const { response } = this
    const at = response.feed(chunk, from, to)
    if (at === INCOMPLETE) return -1
    const fault = at === REFUSED ? response.fault : response.check(this.toHead)
    if (fault !== undefined) return this.malformed(responseFaultText(fault, response, this.limits.head))
    if (response.isInterim) return this.consumeInterim(at)
    if (response.status === 101) return this.switchProtocols(at)
    return this.consumeFinal(at, to)
  }

  private consumeInterim(at: number): number {
    const { maxInterimResponses } = this.limits
    if (++this.interims > maxInterimResponses)
      return this.malformed(`more than ${maxInterimResponses} interim responses`)
    this.sink!.interim(this.response)
    this.response.reset()
    return at
  }

  private switchProtocols(at: number): number {
    const { response, upgrade } = this
    if (upgrade === undefined || !switchesTo(response, upgrade))
      return this.malformed('a switch (101) to a protocol that was not asked for')
    this.sink!.switching(response)
    response.reset()
    if (this.isClosed) return -1
    this.on(UPSTREAM.events.switched)
    return at
  }

  private consumeFinal(at: number, to: number): number {
    const { response } = this
    this.framing = response.body.framing
    this.remaining = response.body.length
    this.persists = response.minor > 0 ? !response.connection.close : response.connection.keepAlive
    this.noteKeepAlive()
    this.sink!.head(response)
    if (this.framing === 'chunked') response.connection.keepNames(response)
    response.reset()
    if (this.isClosed) return -1
    if (this.framing === 'chunked') (this.decoder ??= new ChunkedDecoder(this.limits.head)).reset()
    if (this.framing === 'none') return this.finish(undefined, at < to)
    this.on(UPSTREAM.events['body-begins'])
    return at
  }

  /** A backend that announces when it closes idle connections is taken at its word, with a second to spare. */
  private noteKeepAlive(): void {
    const index = this.response.find(FIELD.keepAlive)
    if (index < 0) return
    const seconds = /(?:^|[ ,])timeout=(\d{1,6})/i.exec(this.response.value(index))?.[1]
    if (seconds !== undefined) this.idleLimitMs = Math.min(this.limits.idleMs, (Number(seconds) - 1) * 1000)
  }

  private consumeBody(chunk: Buffer, from: number, to: number): number {
    if (this.framing === 'chunked') return this.consumeChunks(chunk, from, to)
    if (this.framing === 'eof') return this.relay(chunk, from, to)
    const end = Math.min(to, from + this.remaining)
    this.remaining -= end - from
    this.sink!.data(chunk, from, end)
    if (this.state === 'closed') return -1
    return this.remaining === 0 ? this.finish(undefined, end < to) : end
  }

  private relay(chunk: Buffer, from: number, to: number): number {
    this.sink!.data(chunk, from, to)
    return -1
  }

  private consumeChunks(chunk: Buffer, from: number, to: number): number {
    const decoder = this.decoder!
    const event = decoder.next(chunk, from, to)
    if (event === 'refused')
      return this.malformed(responseFaultText(decoder.fault!, decoder.trailers, this.limits.head))
    if (event === 'more') return -1
    if (event === 'end') return this.finish(this.trailersOf(decoder), decoder.at < to)
    this.sink!.data(chunk, decoder.dataStart, decoder.dataEnd)
    return this.isClosed ? -1 : decoder.at
  }

  private trailersOf({ trailers }: ChunkedDecoder): Trailers | undefined {
    return trailers.count === 0 ? undefined : new Trailers(trailers, this.response.connection)
  }

  /** Lets go of the exchange, then of the connection, and only then tells the exchange, which may start the next one. */
  private finish(trailers: Trailers | undefined, extraBytes: boolean): number {
    const sink = this.sink!
    this.sink = undefined
    if (this.isReusable(extraBytes)) {
      this.on(UPSTREAM.events.complete)
      this.resume()
      this.owner.park(this)
    } else this.close(extraBytes, this.requestComplete && this.outbox.waiting === 0)
    sink.complete(trailers)
    return -1
  }

  private isReusable(extraBytes: boolean): boolean {
    if (extraBytes || !this.persists || this.framing === 'eof') return false
    return this.requestComplete && this.outbox.waiting === 0 && !this.outbox.broken
  }

  /** @param what it has that cannot be passed on */
  private malformed(what: string): number {
    return this.fail('bad-response', what)
  }

  private fail(failure: UpstreamFailure, reason?: string): number {
    const { sink } = this
    this.sink = undefined
    if (failure === 'reset' && this.wasClosedUnused(sink)) this.owner.closedUnused(this)
    this.close(false)
    sink?.failed(failure, reason)
    return -1
  }

  /** Whether the backend closed it while it was parked, or before it answered anything on being used again. */
  private wasClosedUnused(sink: ResponseSink | undefined): boolean {
    if (sink === undefined) this.unusedMs = this.clock.nowMs - this.idleSince
    return sink === undefined ? this.state === 'idle' : this.reused && !this.answered
  }

  /**
   * What is under way is reset, so that the backend hears of it at once. Otherwise it would take a reset for an error.
   *
   * @param isServed request and response are complete
   */
  private close(unexpectedBytes: boolean, isServed = this.state === 'idle' || this.state === 'tunnel'): void {
    if (this.state === 'closed') return
    this.on(UPSTREAM.events.close)
    this.outbox.discard()
    if (isServed) this.socket.end()
    else this.socket.terminate()
    this.owner.gone(this, unexpectedBytes)
  }
}
