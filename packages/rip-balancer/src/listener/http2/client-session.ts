import type { RequestInFlight } from '../../exchange/request-in-flight.ts'
import type { ClientIdentity } from '../../forwarding/client-identity.ts'
import type { Abuse } from '../../http2/abuse-budget.ts'
import { ERROR } from '../../http2/error-code.ts'
import { NO_SINK } from '../../http2/hpack/field-sink.ts'
import type { DecodeResult, HpackDecoder } from '../../http2/hpack/hpack-decoder.ts'
import { HpackEncoder } from '../../http2/hpack/hpack-encoder.ts'
import type { SessionOwner } from '../../http2/session-owner.ts'
import { Http2Session } from '../../http2/session.ts'
import type { PeerSettings } from '../../http2/settings.ts'
import type { Http2Stream } from '../../http2/stream.ts'
import type { ByteSocket } from '../../transport/byte-socket.ts'
import type { Clock } from '../../transport/clock.ts'
import type { ClientStream, StreamConnection } from './client-stream.ts'
import { TABLE_BYTES, type Http2Plane } from './http2-plane.ts'
import type { SpareStreams } from './spare-streams.ts'
import { StreamRequest } from './stream-request.ts'

/** What a session tells its connection. */
export interface SessionEvents {
  readonly identity: ClientIdentity
  /** The address limits count it for, if there is one. */
  readonly countedFor: string | undefined
  /** Whether there is a tunnel or an event stream among the streams. */
  lasts(lasting: boolean): void
  /** This side goes away, and the last stream is over. */
  drained(): void
  /** Nothing more is read or sent. */
  over(): void
}

/** So many streams at the same time come with a connection; as many more count as another connection. */
const STREAMS_PER_CONNECTION = 8

/** The requests of a client on one connection of HTTP/2: decodes their heads, and has an exchange for each. */
export class ClientSession implements SessionOwner, StreamConnection {
  readonly encoder: HpackEncoder = new HpackEncoder(TABLE_BYTES)
  readonly frames: Http2Session
  /** Requests that have begun. */
  requests = 0
  /** When the last one ended, or the connection began. */
  since: number
  private readonly plane: Http2Plane
  private readonly spare: SpareStreams
  private readonly events: SessionEvents
  private readonly clock: Clock
  private readonly decoder: HpackDecoder
  private readonly streams: ClientStream[] = []
  private lasting = 0
  /** The stream whose header block was not complete when that was looked at, and since when. */
  private slowBlock = 0
  private slowSince = 0
  /** How many connections more it counts as. */
  private extraConnections = 0

  constructor(socket: ByteSocket, spare: SpareStreams, events: SessionEvents) {
    const { plane } = spare
    const { turn } = plane.data
    const { local, blocks, abuse } = plane
    this.plane = plane
    this.spare = spare
    this.events = events
    this.clock = turn.clock
    this.since = this.clock.nowMs
    this.decoder = plane.newDecoder()
    this.frames = new Http2Session({ role: 'server', socket, turn, local, blocks, abuse, owner: this })
    this.frames.start()
  }

  get isIdle(): boolean {
    return this.streams.length === 0
  }

  /** Requests that are being answered. @param nowMs monotonic */
  inFlight(nowMs: number): readonly RequestInFlight[] {
    return this.streams.flatMap(({ exchange }) => exchange.inFlight(nowMs) ?? [])
  }

  /** Checks the time limits of all requests. @param now monotonic milliseconds */
  tick(now: number): void {
    this.frames.tick(now)
    this.checkBlock(now)
    for (let place = this.streams.length - 1; place >= 0; place--) this.streams[place]?.exchange.tick(now)
  }

  // --- SessionOwner

  settings(peer: PeerSettings): void {
    this.encoder.resize(peer.headerTableBytes)
  }

  fields(
    stream: Http2Stream | undefined,
    block: Buffer,
    from: number,
    to: number,
    endsStream: boolean,
  ): number {
    if (stream === undefined) return this.skip(block, from, to)
    if (!stream.sawHead) return this.begin(stream, block, from, to, endsStream)
    if (stream.owner instanceof StreamRequest) return this.takeTrailers(stream.owner, block, from, to)
    return this.skip(block, from, to)
  }

  headTooLong(stream: Http2Stream, endsStream: boolean): void {
    if (this.takeRoom()) this.beginRequest(stream, 'too-large', endsStream)
    else this.refuse(stream)
  }

  /** A client does not open streams any more that it has not opened: it will close the connection. */
  goingAway(): void {}

  /** The exchange of the last stream may be about to end, and is told of no loss. */
  drained(): void {
    if (!this.isIdle) return
    this.frames.tellCause()
    this.events.drained()
  }

  abused(kind: Abuse): void {
    this.plane.data.settings.observer.connection(`http2-${kind}`)
  }

  /** Streams on which both sides have said all were not told: a tunnel may wait for its backend to close. */
  closed(): void {
    for (const stream of this.streams.slice()) stream.lost()
    this.events.over()
  }

  // --- StreamConnection

  get identity(): ClientIdentity {
    return this.events.identity
  }

  streamLasts(stream: ClientStream): void {
    if (stream.isLasting) return
    stream.isLasting = true
    if (this.lasting++ === 0) this.events.lasts(true)
  }

  streamEnded(stream: ClientStream): void {
    const last = this.streams.pop()!
    if (last !== stream) this.streams[stream.place] = last
    last.place = stream.place
    this.since = this.clock.nowMs
    if (stream.isLasting && --this.lasting === 0) this.events.lasts(false)
    this.giveUpRoom()
    this.spare.giveBack(stream)
    if (this.frames.isDrained) this.drained()
  }

  // --- time

  /** As a head of HTTP/1.1, a header block has to be complete within a time that no trickle extends. */
  private checkBlock(now: number): void {
    const { unfinishedBlock } = this.frames
    if (unfinishedBlock !== this.slowBlock) {
      this.slowBlock = unfinishedBlock
      this.slowSince = now
    } else if (unfinishedBlock !== 0 && now - this.slowSince > this.plane.data.settings.timeouts.headerMs)
      this.frames.fail(ERROR.enhanceYourCalm, 'a header block that took too long')
  }

  // --- room for streams

  /** Whether there may be one more stream, of this client and of all. */
  private takeRoom(): boolean {
    if (this.streams.length < STREAMS_PER_CONNECTION * (1 + this.extraConnections)) return true
    const { connections, settings } = this.plane.data
    if (connections.open(this.events.countedFor, settings.limits) !== undefined) return false
    this.extraConnections++
    return true
  }

  private giveUpRoom(): void {
    if (this.extraConnections === 0) return
    if (this.streams.length > STREAMS_PER_CONNECTION * this.extraConnections) return
    this.extraConnections--
    this.plane.data.connections.close(this.events.countedFor)
  }

  // --- header blocks

  private begin(stream: Http2Stream, block: Buffer, from: number, to: number, endsStream: boolean): number {
    if (!this.takeRoom()) {
      this.refuse(stream)
      return this.skip(block, from, to)
    }
    const { requestFields } = this.plane
    requestFields.reset()
    const result = this.decoder.decode(block, from, to, requestFields)
    if (result === 'broken') return ERROR.compression
    this.beginRequest(stream, result, endsStream)
    return ERROR.none
  }

  private beginRequest(stream: Http2Stream, result: DecodeResult, endsStream: boolean): void {
    const client = this.spare.borrow()
    client.place = this.streams.length
    this.streams.push(client)
    this.requests++
    client.begin(this, stream, result, endsStream)
    if (this.requests >= this.plane.data.settings.limits.maxRequestsPerConnection) this.frames.goAway()
  }

  private takeTrailers(request: StreamRequest, block: Buffer, from: number, to: number): number {
    const { trailerFields } = this.plane
    trailerFields.reset()
    const result = this.decoder.decode(block, from, to, trailerFields)
    if (result === 'broken') return ERROR.compression
    request.takeTrailers(result)
    return ERROR.none
  }

  /** The client may send the request again (RFC 9113 §8.7). */
  private refuse(stream: Http2Stream): void {
    this.plane.data.settings.observer.connection('refused-stream')
    stream.reset(ERROR.refusedStream)
  }

  private skip(block: Buffer, from: number, to: number): number {
    return this.decoder.decode(block, from, to, NO_SINK) === 'broken' ? ERROR.compression : ERROR.none
  }
}
