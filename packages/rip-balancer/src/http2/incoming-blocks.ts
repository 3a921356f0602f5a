import type { Turn } from '../transport/turn.ts'
import { ERROR } from './error-code.ts'
import type { FrameHost } from './frame-host.ts'
import type { BlockHandler } from './frame-reader.ts'
import type { GoingAway } from './going-away.ts'
import type { PeerConduct } from './peer-conduct.ts'
import type { SessionOwner } from './session-owner.ts'
import type { LocalSettings, Role } from './settings.ts'
import type { Http2Stream } from './stream.ts'
import type { StreamTable } from './stream-table.ts'

/** The connection whose header blocks these are. */
export interface BlockHost extends FrameHost {
  /** A stream that has begun, and is in no table yet. */
  newStream(id: number): Http2Stream
}

export interface IncomingBlocksOptions {
  readonly role: Role
  readonly local: LocalSettings
  readonly owner: SessionOwner
  readonly streams: StreamTable
  readonly goingAway: GoingAway
  readonly conduct: PeerConduct
  readonly turn: Turn
  readonly host: BlockHost
}

/** The header blocks of a connection (RFC 9113 §6.2): a new request, the head of a response, or trailers. */
export class IncomingBlocks implements BlockHandler {
  private readonly role: Role
  private readonly local: LocalSettings
  private readonly owner: SessionOwner
  private readonly streams: StreamTable
  private readonly goingAway: GoingAway
  private readonly conduct: PeerConduct
  private readonly turn: Turn
  private readonly host: BlockHost

  constructor({ role, local, owner, streams, goingAway, conduct, turn, host }: IncomingBlocksOptions) {
    this.role = role
    this.local = local
    this.owner = owner
    this.streams = streams
    this.goingAway = goingAway
    this.conduct = conduct
    this.turn = turn
    this.host = host
  }

  take(id: number, block: Buffer, from: number, to: number, endsStream: boolean): void {
    const stream = this.streams.get(id)
    if (stream === undefined && this.role === 'server' && this.streams.past(id) === 'idle')
      return this.takeRequest(id, block, from, to, endsStream)
    if (stream === undefined) return this.skip(id, block, from, to)
    const fault = faultOf(stream, endsStream)
    if (fault === ERROR.none) return this.takeOn(stream, block, from, to, endsStream)
    if (this.decode(undefined, block, from, to, endsStream)) this.conduct.resetStream(stream, fault)
  }

  /** A request whose head cannot be read is answered for that, those before it go on, and none is taken after it. */
  tooLong(id: number, endsStream: boolean): boolean {
    const { streams, goingAway } = this
    if (this.role === 'client' || id > goingAway.lastTakenId) return false
    const open = streams.get(id)
    if (open === undefined && (streams.past(id) !== 'idle' || !this.hasPlace)) return false
    const stream = open ?? this.newRequest(id)
    goingAway.giveUp(streams.lastPeerId, ERROR.enhanceYourCalm)
    if (open === undefined) this.refuseHead(stream, endsStream)
    else this.conduct.resetStream(stream, ERROR.enhanceYourCalm)
    return true
  }

  private refuseHead(stream: Http2Stream, endsStream: boolean): void {
    this.owner.headTooLong(stream, endsStream)
    this.turn.countMessage()
    stream.sawHead = true
    if (endsStream && !stream.isOver) stream.receivedEnd()
  }

  /** A client begins a stream. */
  private takeRequest(id: number, block: Buffer, from: number, to: number, endsStream: boolean): void {
    const isIgnored = id > this.goingAway.lastTakenId
    if (isIgnored || !this.hasPlace) {
      this.streams.leaveOut(id)
      this.streams.rememberReset(id)
      if (!this.decode(undefined, block, from, to, endsStream) || isIgnored) return
      return this.conduct.refuseStream(id, ERROR.refusedStream)
    }
    this.takeOn(this.newRequest(id), block, from, to, endsStream)
  }

  private get hasPlace(): boolean {
    return this.streams.places < this.local.maxStreams
  }

  private newRequest(id: number): Http2Stream {
    const stream = this.host.newStream(id)
    this.streams.addOfPeer(stream)
    return stream
  }

  private takeOn(stream: Http2Stream, block: Buffer, from: number, to: number, endsStream: boolean): void {
    const isDecoded = this.decode(stream, block, from, to, endsStream)
    this.turn.countMessage()
    if (!isDecoded || this.host.isOver || stream.isOver) return
    if (this.role === 'server') stream.sawHead = true
    if (endsStream) stream.receivedEnd()
  }

  /** The block of a stream that is over may have been sent before the peer knew. */
  private skip(id: number, block: Buffer, from: number, to: number): void {
    this.conduct.expectReset(id, 'HEADERS')
    if (!this.host.isOver) this.decode(undefined, block, from, to, true)
  }

  /** @returns whether the connection can go on */
  private decode(
    stream: Http2Stream | undefined,
    block: Buffer,
    from: number,
    to: number,
    endsStream: boolean,
  ): boolean {
    const code = this.owner.fields(stream, block, from, to, endsStream)
    if (code !== ERROR.none) this.host.fail(code, 'a header block cannot be decoded')
    return code === ERROR.none
  }
}

/** A second block is that of the trailers, which end the message (RFC 9113 §8.1). */
function faultOf(stream: Http2Stream, endsStream: boolean): number {
  if (stream.receiveEnded) return ERROR.streamClosed
  return stream.sawHead && !endsStream ? ERROR.protocol : ERROR.none
}
