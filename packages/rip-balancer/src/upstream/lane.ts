import type { OutgoingRequest, OwnRequest } from '../forwarding/outgoing-request.ts'
import type { Trailers } from '../forwarding/trailers.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { DEFAULT_ABUSE_LIMITS } from '../http2/abuse-budget.ts'
import { ERROR } from '../http2/error-code.ts'
import { DEFAULT_TABLE_BYTES } from '../http2/hpack/dynamic-table.ts'
import { NO_SINK } from '../http2/hpack/field-sink.ts'
import { HpackDecoder } from '../http2/hpack/hpack-decoder.ts'
import { HpackEncoder } from '../http2/hpack/hpack-encoder.ts'
import type { HpackScratch } from '../http2/hpack/hpack-scratch.ts'
import type { SessionOwner } from '../http2/session-owner.ts'
import { Http2Session } from '../http2/session.ts'
import { DEFAULT_FRAME_BYTES, type PeerSettings } from '../http2/settings.ts'
import type { Http2Stream } from '../http2/stream.ts'
import type { ByteSocket } from '../transport/byte-socket.ts'
import type { Flushable, Turn } from '../transport/turn.ts'
import type { DialedConnection } from './dialed-connection.ts'
import {
  LaneStream,
  MORE_WINDOW_BYTES,
  STREAM_WINDOW_BYTES,
  type LaneEvent,
  type LaneHost,
} from './lane-stream.ts'
import type { RequestBlock } from './request-block.ts'
import type { ResponseHeads } from './response-heads.ts'
import type { ResponseSink, UpstreamFailure } from './response-sink.ts'
import type { UpstreamLimits } from './upstream-connection.ts'

/** Keeps the lanes of one backend. */
export interface LaneOwner {
  /** The lane takes requests. */
  opened(lane: Lane): void
  /** It takes no more requests, and is closed when those under way are complete. */
  leaves(lane: Lane): void
  /** It is closed. */
  gone(lane: Lane): void
  note(event: LaneEvent): void
  /** It is given up because of an error in our own code. */
  fault(error: unknown): void
}

/** What all lanes share. */
export interface LaneParts {
  readonly limits: UpstreamLimits
  readonly scratch: HpackScratch
  readonly block: RequestBlock
  readonly heads: ResponseHeads
}

/** A backend that has said nothing for so long since it was asked may be out of reach, which TCP does not tell for minutes. */
const SILENT_MS = 5_000
/** So long a head is decoded, even if it is too large to be passed on: the connection ends otherwise, and with it all other requests. */
const LONGEST_BLOCK_BYTES = 1024 * 1024
/** What is added to a head on its way: more than the balancer's own fields take. */
const ADDED_BYTES = 1_024
const ADDED_FIELDS = 12
const FIELD_OVERHEAD_BYTES = 32

/**
 * A connection of HTTP/2 in plain text, by prior knowledge (RFC 9113 §3.3), to one backend. It carries the requests of many clients:
 * those of a turn leave with one system call, and the responses that one read brings are handled in one turn. A client that
 * does not read holds up its own stream only.
 */
export class Lane implements DialedConnection, SessionOwner, LaneHost {
  hasAnswered = false
  /** When the last request was over; while there are others it means nothing. */
  idleSince: number
  unusedMs = 0
  readonly maxInterimResponses: number
  private readonly socket: ByteSocket
  private readonly turn: Turn
  private readonly owner: LaneOwner
  private readonly parts: LaneParts
  private readonly session: Http2Session
  private readonly encoder = new HpackEncoder(0)
  private readonly decoder: HpackDecoder
  /** Requests that wait until the lane takes them. */
  private readonly pending = new Set<LaneStream>()
  /** What the end of the connection means to requests that wait for it. */
  private failure: UpstreamFailure = 'connect-failed'
  private reason: string | undefined
  /** Since when the backend owes us something, and has said nothing at all; `Infinity` when it has. */
  private askedAt: number
  /** At the end of a turn in which a stream was given up. */
  private readonly afterwards: Flushable = { flush: () => this.resettle() }

  constructor(socket: ByteSocket, turn: Turn, owner: LaneOwner, parts: LaneParts) {
    const { limits, scratch } = parts
    this.socket = socket
    this.turn = turn
    this.owner = owner
    this.parts = parts
    this.idleSince = this.askedAt = turn.clock.nowMs
    this.maxInterimResponses = limits.maxInterimResponses
    this.decoder = new HpackDecoder({
      // Some use it all the same, as servers of `node:http2` in Bun 1.4.5 do.
      maxTableBytes: DEFAULT_TABLE_BYTES,
      maxListBytes: limits.head.maxHeadBytes,
      scratch,
    })
    this.session = new Http2Session({
      role: 'client',
      socket,
      turn,
      local: {
        maxStreams: 0,
        streamWindowBytes: STREAM_WINDOW_BYTES,
        maxFrameBytes: STREAM_WINDOW_BYTES + MORE_WINDOW_BYTES,
        maxHeaderListBytes: limits.head.maxHeadBytes,
        headerTableBytes: 0,
        extendedConnect: false,
      },
      blocks: {
        maxBlockBytes: Math.max(LONGEST_BLOCK_BYTES, limits.head.maxHeadBytes),
        maxContinuations: LONGEST_BLOCK_BYTES / DEFAULT_FRAME_BYTES,
      },
      abuse: DEFAULT_ABUSE_LIMITS,
      owner: this,
    })
  }

  get streams(): number {
    return this.session.openStreams
  }

  /** Requests under way, or waiting until it takes them. */
  get load(): number {
    return this.session.openStreams + this.pending.size
  }

  /** Whether the backend has answered, so that it is known what it takes. */
  get isOpen(): boolean {
    return this.session.peer.isKnown
  }

  /** Whether a request can be sent at once. */
  get hasRoom(): boolean {
    return this.session.canOpen
  }

  /** Whether the backend takes a head of that size (RFC 9113 §6.5.2). */
  takes({ count, start, end }: RequestHead): boolean {
    const bytes = end - start + ADDED_BYTES + (count + ADDED_FIELDS) * FIELD_OVERHEAD_BYTES
    return bytes <= this.session.peer.maxHeaderListBytes
  }

  /** For a request that is sent at once. */
  take(sink: ResponseSink): LaneStream {
    this.unusedMs = this.load === 0 ? this.nowMs - this.idleSince : 0
    return new LaneStream(this, sink)
  }

  /** For a request that waits: `sink.connected` or `sink.failed` follows, never before this returns. */
  await(sink: ResponseSink): LaneStream {
    const stream = new LaneStream(this, sink)
    this.pending.add(stream)
    return stream
  }

  /** Takes no more requests; is closed when those under way are complete. */
  retire(): void {
    this.owner.leaves(this)
    this.refusePending('reset', 'the backend takes no more requests')
    this.session.goAway()
  }

  tick(now: number): void {
    this.session.tick(now)
  }

  // --- LaneHost

  get nowMs(): number {
    return this.turn.clock.nowMs
  }

  get sent(): number {
    return this.session.output.sent
  }

  begin(laneStream: LaneStream, request: OutgoingRequest | OwnRequest): Http2Stream {
    const { block } = this.parts
    const stream = this.session.open(laneStream)
    if (this.askedAt === Number.POSITIVE_INFINITY) this.askedAt = this.nowMs
    block.write(request, this.encoder)
    stream.headers(block.bytes, 0, block.end)
    return stream
  }

  trailerBlock(trailers: Trailers): Buffer {
    const { block } = this.parts
    block.writeTrailers(trailers, this.encoder)
    return Buffer.from(block.bytes.subarray(0, block.end))
  }

  answered(): void {
    this.hasAnswered = true
    this.idleSince = this.nowMs
  }

  forget(stream: LaneStream): void {
    this.pending.delete(stream)
  }

  gaveUp(): void {
    if (this.pending.size > 0 || this.isSilent) this.turn.flushLater(this.afterwards)
  }

  note(event: LaneEvent): void {
    this.owner.note(event)
  }

  // --- the socket reports

  opened(): void {
    this.session.start()
  }

  received(chunk: Buffer): void {
    this.askedAt = Number.POSITIVE_INFINITY
    this.session.received(chunk)
    if (this.pending.size > 0) this.admit()
  }

  consumed(chunk: Buffer): void {
    this.session.consumed(chunk)
  }

  failed(error: unknown): void {
    this.owner.fault(error)
    this.session.fail(ERROR.internal, 'an error in the balancer')
  }

  writable(): void {
    this.session.writable()
  }

  ended(): void {
    this.session.lost('the backend has closed the connection')
  }

  /** A server that ends the connection before it says anything does not speak HTTP/2. */
  lost(failure: UpstreamFailure, reason?: string): void {
    if (failure !== 'reset') this.failure = failure
    this.reason = reason
    this.session.lost(reason ?? failure)
  }

  // --- the session reports: `SessionOwner`

  settings({ headerTableBytes }: PeerSettings): void {
    if (this.failure !== 'reset') this.note('upstream-http2')
    this.failure = 'reset'
    this.encoder.resize(headerTableBytes)
    this.owner.opened(this)
  }

  fields(
    stream: Http2Stream | undefined,
    block: Buffer,
    from: number,
    to: number,
    endsStream: boolean,
  ): number {
    const owner = stream?.owner as LaneStream | undefined
    if (owner === undefined) return this.skipBlock(block, from, to)
    return owner.expectsTrailers
      ? this.takeTrailers(owner, block, from, to)
      : this.takeHead(owner, block, from, to, endsStream)
  }

  /** Requests that wait here have to wait elsewhere. */
  goingAway(): void {
    this.note('upstream-goaway')
    this.owner.leaves(this)
    this.refusePending('reset', 'the backend takes no more requests on this connection')
  }

  drained(): void {
    this.session.fail(ERROR.none, 'all requests are complete')
  }

  abused(): void {}

  headTooLong(): void {}

  closed(code: number, reason: string): void {
    this.socket.end()
    if (code !== ERROR.none) {
      this.reason = reason
      this.note('upstream-http2-error')
    }
    this.refusePending(this.failure, this.reason)
    this.owner.gone(this)
  }

  private skipBlock(block: Buffer, from: number, to: number): number {
    const result = this.decoder.decode(block, from, to, NO_SINK)
    return result === 'broken' ? ERROR.compression : ERROR.none
  }

  private takeHead(stream: LaneStream, block: Buffer, from: number, to: number, endsStream: boolean): number {
    const head = this.parts.heads.read(this.decoder, block, from, to, stream.toHead, endsStream)
    if (head === 'broken') return ERROR.compression
    if (head === 'malformed') stream.malformed(this.parts.heads.whatIsWrong)
    else stream.head(head, endsStream)
    return ERROR.none
  }

  private takeTrailers(stream: LaneStream, block: Buffer, from: number, to: number): number {
    const trailers = this.parts.heads.readTrailers(this.decoder, block, from, to)
    if (trailers === 'broken') return ERROR.compression
    if (trailers === 'malformed') stream.malformed(this.parts.heads.whatIsWrong)
    else stream.trailersCame(trailers)
    return ERROR.none
  }

  private get isSilent(): boolean {
    return this.nowMs - this.askedAt >= SILENT_MS
  }

  /** The place of a stream that was given up is free; but what a backend that is silent has not answered, it gets no more of. */
  private resettle(): void {
    if (this.session.isOver) return
    if (!this.isSilent) return this.admit()
    this.note('upstream-silent')
    if (this.isOpen) this.retire()
    else this.lost('connect-failed', 'the backend has said nothing')
  }

  private refusePending(failure: UpstreamFailure, reason: string | undefined): void {
    const waiting = [...this.pending]
    this.pending.clear()
    for (const stream of waiting) stream.unavailable(failure, reason)
  }

  private admit(): void {
    for (const stream of this.pending) {
      if (!this.hasRoom) return
      this.pending.delete(stream)
      stream.ready()
    }
  }
}
