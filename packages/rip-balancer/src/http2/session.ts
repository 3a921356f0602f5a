import type { ByteSocket } from '../transport/byte-socket.ts'
import { freeBytes } from '../transport/free-bytes.ts'
import type { Clock } from '../transport/clock.ts'
import type { Receiver, Turn } from '../transport/turn.ts'
import { AbuseBudget, type Abuse, type AbuseLimits } from './abuse-budget.ts'
import { ERROR, errorName } from './error-code.ts'
import { FrameOutput } from './frame-output.ts'
import { FrameReader, type BlockLimits, type FrameHandler } from './frame-reader.ts'
import { FLAG, FRAME, FRAME_HEADER_BYTES, MAX_31_BITS, PREFACE } from './frame-type.ts'
import { PrefaceCheck } from './preface-check.ts'
import { ReceiveWindow } from './receive-window.ts'
import { SendWindow } from './send-window.ts'
import {
  DEFAULT_WINDOW_BYTES,
  PeerSettings,
  settingsPayload,
  type LocalSettings,
  type Role,
} from './settings.ts'
import { Http2Stream, type StreamHost, type StreamOwner } from './stream.ts'
import { StreamTable } from './stream-table.ts'
import { WaitingStreams } from './waiting-streams.ts'

/** What the owner of a connection hears. */
export interface SessionOwner {
  /** The peer's SETTINGS have come, for the first time or again. */
  settings(peer: PeerSettings): void
  /**
   * A complete header block, which has to be decoded whatever becomes of it, as later ones depend on it (RFC 7541 §2.2).
   *
   * @param stream `undefined` when the fields are of no interest. A request of a client comes on a stream without an owner:
   * it is given one here, or reset
   * @param endsStream whether no data follows; `StreamOwner.ended` is called after this
   * @returns `ERROR.none`, or the error that ends the connection
   */
  fields(
    stream: Http2Stream | undefined,
    block: Buffer,
    from: number,
    to: number,
    endsStream: boolean,
  ): number
  /** No more streams can be opened here; those open go on. */
  goingAway(): void
  /** One side goes away, and the last stream is over. */
  drained(): void
  /** The peer does what costs more than it brings; the connection is about to be closed. */
  abused(kind: Abuse): void
  /** The connection is over, and all streams were told: the socket is to be closed. @param code see `ERROR` */
  closed(code: number, reason: string): void
}

export interface SessionOptions {
  readonly role: Role
  readonly socket: ByteSocket
  readonly turn: Turn
  readonly local: LocalSettings
  readonly blocks: BlockLimits
  readonly abuse: AbuseLimits
  readonly owner: SessionOwner
}

/** So much of all streams may be under way to us: what bounds the memory are the windows of the streams. */
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024
/** The peer has so long to acknowledge our SETTINGS. */
const SETTINGS_TIMEOUT_MS = 10_000
/** After the first GOAWAY a client has so long to hear of it: requests it sends meanwhile are taken. */
const GOAWAY_DELAY_MS = 1_000

const PING_PAYLOAD: Buffer = Buffer.alloc(8)
const GOAWAY_BYTES = 8

const ABUSES: Readonly<Record<Abuse, string>> = {
  resets: 'more streams were reset than is usual',
  'control-frames': 'more frames that carry nothing than are usual',
  'unread-answers': 'answers to PING and SETTINGS are not read',
}

/**
 * One connection of HTTP/2 (RFC 9113), at either end of it: what frames mean for its streams, its windows and its settings.
 * Each violation ends the stream or the connection with its error. It knows nothing of HPACK: header blocks are handed over
 * to the owner, and come from it, as bytes.
 */
export class Http2Session implements Receiver, FrameHandler, StreamHost {
  readonly peer: PeerSettings
  readonly output: FrameOutput
  readonly sendWindow: SendWindow = new SendWindow(DEFAULT_WINDOW_BYTES)
  /** The connection is over. */
  isOver = false
  private readonly role: Role
  private readonly local: LocalSettings
  private readonly owner: SessionOwner
  private readonly turn: Turn
  private readonly clock: Clock
  private readonly limits: AbuseLimits
  private readonly budget: AbuseBudget
  private readonly reader: FrameReader
  private readonly preface: PrefaceCheck | undefined
  private readonly receiveWindow = new ReceiveWindow(DEFAULT_WINDOW_BYTES, CONNECTION_WINDOW_BYTES)
  private readonly streams: StreamTable
  private readonly waiting = new WaitingStreams()
  /** Streams whose message is complete, and which want nothing more of the peer's. */
  private readonly endingEarly: Http2Stream[] = []
  /** When the peer has to have acknowledged our SETTINGS; `Infinity` when it has. */
  private settingsDueAt = Number.POSITIVE_INFINITY
  /** What the peer may send on a new stream, as far as it knows. */
  private initialReceiveBytes: number = DEFAULT_WINDOW_BYTES
  /** One side has said that nothing new begins. */
  private isGoingAway = false
  /** When the last GOAWAY is sent; `Infinity` when it was, or is not wanted. */
  private lastGoAwayAt = Number.POSITIVE_INFINITY
  /** Streams of the client above it are ignored. */
  private lastTakenId: number = MAX_31_BITS
  /** The stream whose DATA frame is being read; `undefined` when its data is ignored. */
  private current: Http2Stream | undefined
  /** Length of that frame. */
  private frameBytes = 0
  /** What the peer has made us answer since it last read everything. */
  private answerBytes = 0

  constructor({ role, socket, turn, local, blocks, abuse, owner }: SessionOptions) {
    this.role = role
    this.local = local
    this.owner = owner
    this.turn = turn
    this.clock = turn.clock
    this.limits = abuse
    this.budget = new AbuseBudget(abuse, turn.clock)
    this.peer = new PeerSettings(role)
    this.output = new FrameOutput(socket, turn)
    this.reader = new FrameReader(this, blocks, local.maxFrameBytes)
    this.preface = role === 'server' ? new PrefaceCheck() : undefined
    this.streams = new StreamTable(role)
  }

  /** Streams that are open, or whose owners are not done with them. */
  get openStreams(): number {
    return this.streams.size + this.streams.heldPlaces
  }

  /** The stream whose header block has begun, and is not complete; 0 when there is none. */
  get unfinishedBlock(): number {
    return this.reader.unfinishedBlock
  }

  /** The highest stream of the client. */
  get lastPeerId(): number {
    return this.streams.lastPeerId
  }

  /** Whether a client can open one more stream. */
  get canOpen(): boolean {
    if (this.isOver || this.isGoingAway || !this.peer.isKnown || this.streams.isUsedUp) return false
    return this.streams.size < this.peer.maxStreams
  }

  /** Sends the preface of this side (§3.4). */
  start(): void {
    if (this.role === 'client') this.output.writeRaw(PREFACE)
    const payload = settingsPayload(this.role, this.local)
    this.output.write(FRAME.settings, 0, 0, payload, 0, payload.length)
    this.settingsDueAt = this.clock.nowMs + SETTINGS_TIMEOUT_MS
    this.giveBack()
  }

  /** Begins a request, whose head has to be sent before anything else is. */
  open(owner: StreamOwner): Http2Stream {
    const stream = this.newStream(this.streams.takeId())
    this.streams.add(stream)
    stream.owner = owner
    return stream
  }

  /**
   * Begins nothing new, while what is open goes on (§6.8). A client is told twice, and what it sends before it has heard of it
   * is taken.
   */
  goAway(): void {
    if (this.isOver || this.isGoingAway) return
    this.isGoingAway = true
    if (this.role === 'server') this.announceGoAway()
    else this.writeGoAway(0, ERROR.none)
    this.tellIfDrained()
  }

  /** Ends the connection with an error, or with `ERROR.none`. */
  fail(code: number, reason: string): void {
    if (this.isOver) return
    this.writeGoAway(this.lastPeerId, code)
    this.output.flush()
    this.close(code, reason)
  }

  /** Checks the time limits. @param now monotonic milliseconds */
  tick(now: number): void {
    if (this.isOver) return
    if (now >= this.lastGoAwayAt) this.sendLastGoAway()
    if (now >= this.settingsDueAt) this.settingsOverdue()
  }

  /** A server that answers all the same completes what it has, and gets nothing more. */
  private settingsOverdue(): void {
    if (this.role === 'server' || !this.peer.isKnown)
      return this.fail(ERROR.settingsTimeout, 'SETTINGS were not acknowledged')
    this.settingsDueAt = Number.POSITIVE_INFINITY
    this.owner.goingAway()
    this.goAway()
  }

  // --- what the socket reports

  received(chunk: Buffer, from = 0, to: number = chunk.length): void {
    if (this.isOver) return
    const at = this.preface === undefined ? from : this.preface.take(chunk, from, to)
    if (at < 0) return this.fail(ERROR.protocol, 'the connection does not begin with the preface of HTTP/2')
    this.reader.read(chunk, at, to)
  }

  consumed(chunk: Buffer): void {
    freeBytes(chunk)
  }

  failed(error: unknown): void {
    this.fail(ERROR.internal, String(error))
  }

  /** The socket takes bytes again. */
  writable(): void {
    if (this.isOver || !this.output.drained()) return
    this.answerBytes = 0
    for (const stream of this.endingEarly.splice(0)) stream.reset(ERROR.none)
    this.sendWaiting()
  }

  /** The connection is gone. */
  lost(reason: string): void {
    this.close(ERROR.none, reason)
  }

  // --- what streams report: `StreamHost`

  waits(stream: Http2Stream): void {
    this.waiting.add(stream)
  }

  sentData(bytes: number): void {
    this.sendWindow.bytes -= bytes
    this.budget.moved(bytes)
  }

  over(stream: Http2Stream, isComplete: boolean): void {
    this.streams.remove(stream.id)
    this.waiting.remove(stream)
    if (this.current === stream) this.current = undefined
    if (isComplete) this.budget.completed()
    this.tellIfDrained()
  }

  resetHere({ id }: Http2Stream): void {
    this.streams.rememberReset(id)
  }

  endsWhenSent(stream: Http2Stream): void {
    this.endingEarly.push(stream)
  }

  blamed(): void {
    this.countReset()
  }

  release(): void {
    this.streams.heldPlaces--
    this.tellIfDrained()
  }

  // --- DATA (§6.1)

  dataBegins(id: number, length: number): void {
    this.current = undefined
    this.frameBytes = length
    if (!this.receiveWindow.take(length))
      return this.fail(ERROR.flowControl, 'more DATA than the window takes')
    const stream = this.streams.get(id)
    if (stream === undefined) return this.expectReset(id, 'DATA')
    if (stream.receiveEnded) return this.resetWith(stream, ERROR.streamClosed)
    if (!stream.sawHead) return this.resetWith(stream, ERROR.protocol)
    if (!stream.receiveWindow.take(length)) return this.resetWith(stream, ERROR.flowControl)
    this.current = stream
  }

  data(_id: number, bytes: Buffer, from: number, to: number): void {
    this.current?.owner?.dataReceived(bytes, from, to)
  }

  dataEnds(_id: number, endsStream: boolean): void {
    const { current, frameBytes } = this
    if (this.isOver) return
    this.current = undefined
    this.receiveWindow.read(frameBytes)
    this.giveBack()
    if (frameBytes > 0) this.budget.moved(frameBytes)
    else if (!endsStream) this.countControlFrame()
    if (current === undefined || this.isOver) return
    if (endsStream) current.receivedEnd()
    else current.hasRead(frameBytes)
  }

  // --- HEADERS (§6.2)

  headers(id: number, block: Buffer, from: number, to: number, endsStream: boolean): void {
    const stream = this.streams.get(id)
    if (stream === undefined && this.role === 'server' && this.streams.past(id) === 'idle')
      return this.begin(id, block, from, to, endsStream)
    if (stream === undefined) return this.skipBlock(id, block, from, to)
    const fault = this.faultOfBlock(stream, endsStream)
    if (fault === ERROR.none) return this.takeBlock(stream, block, from, to, endsStream)
    if (this.decode(undefined, block, from, to, endsStream)) this.resetWith(stream, fault)
  }

  /** A client begins a stream. */
  private begin(id: number, block: Buffer, from: number, to: number, endsStream: boolean): void {
    const isIgnored = id > this.lastTakenId
    const hasPlace = this.openStreams < this.local.maxStreams
    if (isIgnored || !hasPlace) {
      this.streams.leaveOut(id)
      this.streams.rememberReset(id)
      if (!this.decode(undefined, block, from, to, endsStream) || isIgnored) return
      this.output.writeNumber(FRAME.resetStream, id, ERROR.refusedStream)
      return this.countReset()
    }
    const stream = this.newStream(id)
    this.streams.addOfPeer(stream)
    this.takeBlock(stream, block, from, to, endsStream)
  }

  private takeBlock(stream: Http2Stream, block: Buffer, from: number, to: number, endsStream: boolean): void {
    const isDecoded = this.decode(stream, block, from, to, endsStream)
    this.turn.countMessage()
    if (!isDecoded || this.isOver || stream.isOver) return
    if (this.role === 'server') stream.sawHead = true
    if (endsStream) stream.receivedEnd()
  }

  /** A second block is that of the trailers, which end the message (§8.1). */
  private faultOfBlock(stream: Http2Stream, endsStream: boolean): number {
    if (stream.receiveEnded) return ERROR.streamClosed
    return stream.sawHead && !endsStream ? ERROR.protocol : ERROR.none
  }

  /** The block of a stream that is over may have been sent before the peer knew. */
  private skipBlock(id: number, block: Buffer, from: number, to: number): void {
    this.expectReset(id, 'HEADERS')
    if (!this.isOver) this.decode(undefined, block, from, to, true)
  }

  private decode(
    stream: Http2Stream | undefined,
    block: Buffer,
    from: number,
    to: number,
    endsStream: boolean,
  ): boolean {
    const code = this.owner.fields(stream, block, from, to, endsStream)
    if (code !== ERROR.none) this.fail(code, 'a header block cannot be decoded')
    return code === ERROR.none
  }

  // --- RST_STREAM (§6.4)

  resetStream(id: number, code: number): void {
    const stream = this.streams.get(id)
    if (stream === undefined) return this.expectPast(id, 'RST_STREAM')
    if (this.role === 'server' && stream.owner !== undefined) this.keepPlace(stream)
    stream.lose(code === ERROR.refusedStream ? 'refused' : 'reset', code)
    this.countReset()
  }

  /** A backend may go on with what its client does not want any more. */
  private keepPlace(stream: Http2Stream): void {
    stream.holdsPlace = true
    this.streams.heldPlaces++
  }

  // --- SETTINGS (§6.5)

  settings(bytes: Buffer, from: number, to: number): void {
    const { peer } = this
    const before = peer.streamWindowBytes
    const fault = peer.read(bytes, from, to)
    if (fault !== ERROR.none) return this.fail(fault, 'a value in SETTINGS is not allowed')
    if (!this.growStreams(peer.streamWindowBytes - before))
      return this.fail(ERROR.flowControl, 'SETTINGS make a window larger than 2^31-1')
    this.answer(FRAME.settings, bytes, from, from)
    this.owner.settings(peer)
    this.countControlFrame()
    this.sendWaiting()
  }

  settingsAcknowledged(): void {
    if (this.settingsDueAt === Number.POSITIVE_INFINITY) return this.countControlFrame()
    this.settingsDueAt = Number.POSITIVE_INFINITY
    const bytes = this.local.streamWindowBytes - this.initialReceiveBytes
    this.initialReceiveBytes += bytes
    for (const stream of this.streams.all()) stream.receiveWindow.resize(bytes)
  }

  // --- PING (§6.7)

  ping(bytes: Buffer, from: number): void {
    this.answer(FRAME.ping, bytes, from, from + PING_PAYLOAD.length)
    this.countControlFrame()
  }

  /** The client has read our first GOAWAY. */
  pingAnswered(): void {
    if (this.lastGoAwayAt === Number.POSITIVE_INFINITY) this.countControlFrame()
    else this.sendLastGoAway()
  }

  // --- GOAWAY (§6.8)

  /** Streams above the last one were not begun; the others go on. */
  peerGoesAway(lastStream: number, code: number): void {
    const isNews = !this.isGoingAway
    this.isGoingAway = true
    if (this.role === 'client')
      for (const stream of this.streams.all()) if (stream.id > lastStream) stream.lose('left-out', code)
    if (isNews && !this.isOver) this.owner.goingAway()
    this.countControlFrame()
    this.tellIfDrained()
  }

  // --- WINDOW_UPDATE (§6.9)

  windowUpdate(id: number, increment: number): void {
    if (id === 0) this.growConnection(increment)
    else this.growStream(id, increment)
    this.countControlFrame()
    this.sendWaiting()
  }

  private growConnection(increment: number): void {
    if (increment === 0) this.fail(ERROR.protocol, 'a WINDOW_UPDATE of 0')
    else if (!this.sendWindow.grow(increment)) this.fail(ERROR.flowControl, 'a window larger than 2^31-1')
  }

  private growStream(id: number, increment: number): void {
    const stream = this.streams.get(id)
    if (stream === undefined) return this.expectPast(id, 'WINDOW_UPDATE')
    if (increment === 0) return this.resetWith(stream, ERROR.protocol)
    stream.wasTaken = true
    if (!stream.sendWindow.grow(increment)) this.resetWith(stream, ERROR.flowControl)
  }

  /** The initial window of streams has changed (§6.9.2). */
  private growStreams(bytes: number): boolean {
    return bytes === 0 || this.streams.all().every((stream) => stream.sendWindow.grow(bytes))
  }

  // --- frames without a meaning, and violations (§5.4)

  ignored(): void {
    this.countControlFrame()
  }

  brokenStream(id: number, code: number): void {
    if (this.isOver) return
    const stream = this.streams.get(id)
    if (stream !== undefined) return this.resetWith(stream, code)
    this.output.writeNumber(FRAME.resetStream, id, code)
    this.countReset()
  }

  broken(code: number, reason: string): void {
    this.fail(code, reason)
  }

  /** The stream ends with an error of the peer's. */
  private resetWith(stream: Http2Stream, code: number): void {
    this.output.writeNumber(FRAME.resetStream, stream.id, code)
    this.resetHere(stream)
    if (this.role === 'server' && stream.owner !== undefined) this.keepPlace(stream)
    stream.lose('reset', code)
    this.countReset()
  }

  /** A frame came for a stream that is not open: that is allowed if the stream was. */
  private expectPast(id: number, what: string): void {
    const past = this.streams.past(id)
    if (past === 'idle' || past === 'not-ours')
      return this.fail(ERROR.protocol, `${what} for a stream that was never open`)
    this.countControlFrame()
  }

  /** A frame came that is allowed only if the peer may not know yet that this side has reset the stream. */
  private expectReset(id: number, what: string): void {
    const past = this.streams.past(id)
    if (past === 'reset-here') return this.countControlFrame()
    if (past === 'closed') this.fail(ERROR.streamClosed, `${what} for a stream that is closed`)
    else this.fail(ERROR.protocol, `${what} for a stream that was never open`)
  }

  // --- abuse (§10.5)

  private countReset(): void {
    if (this.role === 'server' && !this.budget.reset()) this.endAbuse('resets')
  }

  private countControlFrame(): void {
    if (!this.budget.controlFrame()) this.endAbuse('control-frames')
  }

  /** Answers a frame; a peer that does not read the answers gets no more of them. */
  private answer(type: number, bytes: Buffer, from: number, to: number): void {
    this.output.write(type, FLAG.ack, 0, bytes, from, to)
    if (this.output.waiting === 0) return
    this.answerBytes += FRAME_HEADER_BYTES + to - from
    if (this.answerBytes > this.limits.maxUnreadBytes) this.endAbuse('unread-answers')
  }

  private endAbuse(kind: Abuse): void {
    if (this.isOver) return
    this.owner.abused(kind)
    this.fail(ERROR.enhanceYourCalm, ABUSES[kind])
  }

  // --- parts

  private newStream(id: number): Http2Stream {
    const stream = new Http2Stream(id, this, this.peer.streamWindowBytes, this.initialReceiveBytes)
    stream.begin()
    return stream
  }

  private giveBack(): void {
    const bytes = this.receiveWindow.giveBack()
    if (bytes > 0) this.output.writeNumber(FRAME.windowUpdate, 0, bytes)
  }

  private sendWaiting(): void {
    if (!this.isOver) this.waiting.send(this.output, this.sendWindow)
  }

  private announceGoAway(): void {
    this.writeGoAway(MAX_31_BITS, ERROR.none)
    this.output.write(FRAME.ping, 0, 0, PING_PAYLOAD, 0, PING_PAYLOAD.length)
    this.lastGoAwayAt = this.clock.nowMs + GOAWAY_DELAY_MS
  }

  private sendLastGoAway(): void {
    this.lastGoAwayAt = Number.POSITIVE_INFINITY
    this.lastTakenId = this.lastPeerId
    this.writeGoAway(this.lastPeerId, ERROR.none)
    this.tellIfDrained()
  }

  private writeGoAway(lastStream: number, code: number): void {
    const payload = Buffer.alloc(GOAWAY_BYTES)
    payload.writeUInt32BE(lastStream, 0)
    payload.writeUInt32BE(code, 4)
    this.output.write(FRAME.goAway, 0, 0, payload, 0, payload.length)
  }

  private tellIfDrained(): void {
    if (this.isOver || !this.isGoingAway || this.openStreams > 0) return
    if (this.lastGoAwayAt === Number.POSITIVE_INFINITY) this.owner.drained()
  }

  private close(code: number, reason: string): void {
    if (this.isOver) return
    this.isOver = true
    this.reader.stop()
    for (const stream of this.streams.all()) stream.lose('closed', code)
    this.output.discard()
    this.owner.closed(code, code === ERROR.none ? reason : `${errorName(code)}: ${reason}`)
  }
}
