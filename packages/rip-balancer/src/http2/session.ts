import type { ByteSocket } from '../transport/byte-socket.ts'
import type { Clock } from '../transport/clock.ts'
import { freeBytes } from '../transport/free-bytes.ts'
import type { Receiver, Turn } from '../transport/turn.ts'
import { AbuseBudget, type AbuseLimits } from './abuse-budget.ts'
import { ERROR, errorName } from './error-code.ts'
import { FrameOutput } from './frame-output.ts'
import { FrameReader, type BlockLimits, type ControlHandler } from './frame-reader.ts'
import { FRAME, PING_BYTES, PREFACE } from './frame-type.ts'
import { GoingAway } from './going-away.ts'
import { IncomingBlocks, type BlockHost } from './incoming-blocks.ts'
import { IncomingData } from './incoming-data.ts'
import { PeerConduct } from './peer-conduct.ts'
import { PrefaceCheck } from './preface-check.ts'
import { SendWindow } from './send-window.ts'
import { SentSettings } from './sent-settings.ts'
import type { SessionOwner } from './session-owner.ts'
import { DEFAULT_WINDOW_BYTES, PeerSettings, type LocalSettings, type Role } from './settings.ts'
import { Http2Stream, type StreamHost, type StreamOwner } from './stream.ts'
import { StreamTable } from './stream-table.ts'
import { WaitingStreams } from './waiting-streams.ts'

export interface SessionOptions {
  readonly role: Role
  readonly socket: ByteSocket
  readonly turn: Turn
  readonly local: LocalSettings
  readonly blocks: BlockLimits
  readonly abuse: AbuseLimits
  readonly owner: SessionOwner
}

/**
 * One connection of HTTP/2 (RFC 9113), at either end of it: what frames mean for its streams, its windows and its settings.
 * Each violation ends the stream or the connection with its error. It knows nothing of HPACK: header blocks are handed over
 * to the owner, and come from it, as bytes.
 */
export class Http2Session implements Receiver, ControlHandler, StreamHost, BlockHost {
  readonly peer: PeerSettings
  readonly output: FrameOutput
  readonly sendWindow: SendWindow = new SendWindow(DEFAULT_WINDOW_BYTES)
  /** The connection is over. */
  isOver = false
  private readonly role: Role
  private readonly clock: Clock
  private readonly owner: SessionOwner
  private readonly budget: AbuseBudget
  private readonly reader: FrameReader
  private readonly preface: PrefaceCheck | undefined
  private readonly streams: StreamTable
  private readonly waiting = new WaitingStreams()
  /** Streams whose message is complete, and which want nothing more of the peer's. */
  private readonly endingEarly: Http2Stream[] = []
  private readonly sentSettings: SentSettings
  private readonly goingAway: GoingAway
  private readonly conduct: PeerConduct
  private readonly incomingData: IncomingData

  constructor({ role, socket, turn, local, blocks, abuse, owner }: SessionOptions) {
    const { clock } = turn
    this.role = role
    this.clock = clock
    this.owner = owner
    this.peer = new PeerSettings(role)
    this.output = new FrameOutput(socket, turn)
    this.preface = role === 'server' ? new PrefaceCheck() : undefined
    const streams = (this.streams = new StreamTable(role))
    const budget = (this.budget = new AbuseBudget(abuse, clock))
    this.sentSettings = new SentSettings(local, clock)
    const goingAway = (this.goingAway = new GoingAway(this.output, clock))
    const conduct = (this.conduct = new PeerConduct({ role, budget, clock, streams, owner, host: this }))
    const data = (this.incomingData = new IncomingData(streams, conduct, this))
    const incomingBlocks = new IncomingBlocks({
      role,
      local,
      owner,
      streams,
      goingAway,
      conduct,
      turn,
      host: this,
    })
    this.reader = new FrameReader(
      { data, blocks: incomingBlocks, control: this },
      blocks,
      local.maxFrameBytes,
    )
  }

  /** Streams that are open, or whose owners are not done with them. */
  get openStreams(): number {
    return this.streams.places
  }

  /** The stream whose header block has begun, and is not complete; 0 when there is none. */
  get unfinishedBlock(): number {
    return this.reader.unfinishedBlock
  }

  /** The highest stream of the client. */
  get lastPeerId(): number {
    return this.streams.lastPeerId
  }

  /** One side goes away, and the last stream is over. */
  get isDrained(): boolean {
    if (this.isOver || !this.goingAway.hasBegun || this.openStreams > 0) return false
    return !this.goingAway.isAnnounced
  }

  /** Whether a client can open one more stream. */
  get canOpen(): boolean {
    if (this.isOver || this.goingAway.hasBegun || !this.peer.isKnown || this.streams.isUsedUp) return false
    return this.streams.size < this.peer.maxStreams
  }

  /** Sends the preface of this side (§3.4). */
  start(): void {
    if (this.role === 'client') this.output.writeRaw(PREFACE)
    this.sentSettings.send(this.role, this.output)
    this.incomingData.giveBack()
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
    if (this.isOver || this.goingAway.hasBegun) return
    if (this.role === 'server') this.goingAway.announce()
    else this.goingAway.tellLast(this.lastPeerId)
    this.tellIfDrained()
  }

  /** All streams are over, and their owners done: a client is told what it did, if that is why it had to go away. */
  tellCause(): void {
    if (!this.isOver) this.goingAway.tellCause()
  }

  /** Ends the connection with an error, or with `ERROR.none`. */
  fail(code: number, reason: string): void {
    if (this.isOver) return
    this.goingAway.write(this.lastPeerId, code)
    this.output.flush()
    this.close(code, reason)
  }

  /** Checks the time limits. @param now monotonic milliseconds */
  tick(now: number): void {
    if (this.isOver) return
    this.streams.tick()
    if (this.goingAway.isLastDue(now)) this.endGoingAway()
    if (this.sentSettings.isOverdue(now)) this.settingsOverdue()
  }

  /** A server that answers all the same completes what it has, and gets nothing more. */
  private settingsOverdue(): void {
    if (this.role === 'server' || !this.peer.isKnown)
      return this.fail(ERROR.settingsTimeout, 'SETTINGS were not acknowledged')
    this.sentSettings.giveUp()
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
    this.budget.answersRead()
    for (const stream of this.endingEarly.splice(0)) stream.reset(ERROR.none)
    this.sendWaiting()
  }

  /** The connection is gone. */
  lost(reason: string): void {
    this.close(ERROR.none, reason)
  }

  // --- what streams ask and report: `StreamHost`

  get initialReceiveBytes(): number {
    return this.sentSettings.initialWindowBytes
  }

  waits(stream: Http2Stream): void {
    this.waiting.add(stream)
  }

  sentData(bytes: number, isCut: boolean): void {
    this.sendWindow.bytes -= bytes
    if (isCut) this.budget.moved(bytes)
    else this.budget.movedMessage(bytes)
  }

  over(stream: Http2Stream, isComplete: boolean): void {
    this.streams.remove(stream.id)
    this.waiting.remove(stream)
    this.incomingData.forget(stream)
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
    this.conduct.countReset()
  }

  release(stream: Http2Stream): void {
    if (this.streams.releasePlace(stream)) this.tellIfDrained()
  }

  // --- frames that are neither DATA nor header blocks: `ControlHandler`

  /** RST_STREAM (§6.4). */
  resetStream(id: number, code: number): void {
    const stream = this.streams.get(id)
    if (stream === undefined) return this.conduct.expectPast(id, 'RST_STREAM')
    this.streams.holdPlace(stream)
    stream.lose(code === ERROR.refusedStream ? 'refused' : 'reset', code)
    this.conduct.countCancelled(stream)
  }

  /** SETTINGS (§6.5). */
  settings(bytes: Buffer, from: number, to: number): void {
    const { peer } = this
    const before = peer.streamWindowBytes
    const fault = peer.read(bytes, from, to)
    if (fault !== ERROR.none) return this.fail(fault, 'a value in SETTINGS is not allowed')
    if (!this.growStreams(peer.streamWindowBytes - before))
      return this.fail(ERROR.flowControl, 'SETTINGS make a window larger than 2^31-1')
    this.conduct.acknowledge(FRAME.settings, bytes, from, from)
    this.owner.settings(peer)
    this.conduct.countControlFrame()
    this.sendWaiting()
  }

  settingsAcknowledged(): void {
    if (!this.sentSettings.isAwaited) return this.conduct.countControlFrame()
    const bytes = this.sentSettings.acknowledged()
    for (const stream of this.streams.all()) stream.initialReceiveBytesGrew(bytes)
  }

  /** PING (§6.7). */
  ping(bytes: Buffer, from: number): void {
    this.conduct.acknowledge(FRAME.ping, bytes, from, from + PING_BYTES)
    this.conduct.countControlFrame()
  }

  /** The client has read our first GOAWAY. */
  pingAnswered(): void {
    if (this.goingAway.isAnnounced) this.endGoingAway()
    else this.conduct.countControlFrame()
  }

  /** GOAWAY (§6.8): streams above the last one were not begun; the others go on. */
  peerGoesAway(lastStream: number, code: number): void {
    const isNews = this.goingAway.heard()
    if (this.role === 'client')
      for (const stream of this.streams.all()) if (stream.id > lastStream) stream.lose('left-out', code)
    if (isNews && !this.isOver) this.owner.goingAway()
    this.conduct.countControlFrame()
    this.tellIfDrained()
  }

  /** WINDOW_UPDATE (§6.9). */
  windowUpdate(id: number, increment: number): void {
    if (id === 0) this.growConnection(increment)
    else this.growStream(id, increment)
    this.conduct.countControlFrame()
    this.sendWaiting()
  }

  ignored(): void {
    this.conduct.countControlFrame()
  }

  brokenStream(id: number, code: number): void {
    if (this.isOver) return
    const stream = this.streams.get(id)
    if (stream === undefined) this.conduct.refuseStream(id, code)
    else this.conduct.resetStream(stream, code)
  }

  broken(code: number, reason: string): void {
    this.fail(code, reason)
  }

  // --- parts

  newStream(id: number): Http2Stream {
    const stream = new Http2Stream(id, this, this.peer.streamWindowBytes, this.clock.nowMs)
    stream.begin()
    return stream
  }

  private growConnection(increment: number): void {
    if (increment === 0) this.fail(ERROR.protocol, 'a WINDOW_UPDATE of 0')
    else if (!this.sendWindow.grow(increment)) this.fail(ERROR.flowControl, 'a window larger than 2^31-1')
  }

  private growStream(id: number, increment: number): void {
    const stream = this.streams.get(id)
    if (stream === undefined) return this.conduct.expectPast(id, 'WINDOW_UPDATE')
    if (increment === 0) return this.conduct.resetStream(stream, ERROR.protocol)
    stream.wasTaken = true
    if (!stream.growSendWindow(increment)) this.conduct.resetStream(stream, ERROR.flowControl)
  }

  /** The initial window of streams has changed (§6.9.2). */
  private growStreams(bytes: number): boolean {
    return bytes === 0 || this.streams.all().every((stream) => stream.growSendWindow(bytes))
  }

  private sendWaiting(): void {
    if (!this.isOver) this.waiting.send(this.output, this.sendWindow)
  }

  private endGoingAway(): void {
    this.goingAway.tellLast(this.lastPeerId)
    this.tellIfDrained()
  }

  private tellIfDrained(): void {
    if (this.isDrained) this.owner.drained()
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
