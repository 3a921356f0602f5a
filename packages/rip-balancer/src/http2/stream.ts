import type { GraphEvent } from '../state-table.ts'
import { Backlog } from './backlog.ts'
import { ERROR } from './error-code.ts'
import { FLAG, FRAME, MAX_31_BITS } from './frame-type.ts'
import type { FrameOutput } from './frame-output.ts'
import { ReceiveWindow } from './receive-window.ts'
import type { SendWindow } from './send-window.ts'
import { DEFAULT_FRAME_BYTES } from './settings.ts'
import { STREAM, type StreamEvent } from './stream-state.ts'

/**
 * How a stream ends that is not complete.
 *
 * - `refused`: the peer has done nothing with the request, and says so of it alone (RFC 9113 §8.7);
 * - `left-out`: the peer has done nothing with the request, and takes no more on this connection (§6.8);
 * - `reset`: one side has reset it;
 * - `closed`: the connection is over.
 */
export type StreamLoss = 'refused' | 'left-out' | 'reset' | 'closed'

/** Takes what the peer sends on one stream. Bytes are valid during the call only. */
export interface StreamOwner {
  /** Bytes of the body, without padding. */
  dataReceived(bytes: Buffer, from: number, to: number): void
  /** Half of the window has been used: by how many bytes it grows. */
  moreWindow(): number
  /** The peer's message is complete. */
  ended(): void
  /** Everything that waited has gone. */
  writable(): void
  /** The stream is over before both messages were complete. Said once; nothing follows. @param code see `ERROR` */
  lost(how: StreamLoss, code: number): void
}

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly output: FrameOutput
  readonly sendWindow: SendWindow
  /** What the peer may send on a stream at first, as far as it knows. */
  readonly initialReceiveBytes: number
  /** Something waits for a window or for the kernel. */
  waits(stream: Http2Stream): void
  /** A frame with so many bytes of data was sent. @param isCut a window had no room for more of them */
  sentData(bytes: number, isCut: boolean): void
  /** Both sides are done, or one has reset the stream. */
  over(stream: Http2Stream, isComplete: boolean): void
  /** This side has reset it: what was under way meanwhile is ignored. */
  resetHere(stream: Http2Stream): void
  /** It is to be reset without an error when the kernel has taken everything. */
  endsWhenSent(stream: Http2Stream): void
  /** The owner has reset a stream for a mistake of the peer's. */
  blamed(): void
  /** The place of a stream that the peer has reset is free. */
  release(stream: Http2Stream): void
}

const {
  'half-closed-local': HALF_CLOSED_LOCAL,
  'half-closed-remote': HALF_CLOSED_REMOTE,
  closed: CLOSED,
} = STREAM.states

/**
 * One request and its response on a connection (RFC 9113 §5). Data that neither the windows nor the kernel take is
 * copied and kept here; the writer has to pause its source while `waiting` is not 0.
 */
export class Http2Stream {
  readonly id: number
  /** Monotonic milliseconds. */
  readonly beganAtMs: number
  owner: StreamOwner | undefined
  /** The head of the message that the peer sends has come: the next block is its trailers. */
  sawHead = false
  /** The peer has made the window larger, so that it has taken some of the data. */
  wasTaken = false
  /** Bytes of frames with data that were handed to the connection. */
  sent = 0
  /** The place of the first frame among all bytes of the connection. */
  startedAt = 0
  /** How many bytes of DATA the peer takes; see `SendWindow`. */
  sendBytes: number
  /** Made when data comes: most requests have none. */
  private ownReceiveWindow: ReceiveWindow | undefined
  private readonly host: StreamHost
  private current = STREAM.states.idle
  /** Made when something has to wait. */
  private backlog: Backlog | undefined

  constructor(id: number, host: StreamHost, sendBytes: number, beganAtMs: number) {
    this.id = id
    this.beganAtMs = beganAtMs
    this.host = host
    this.sendBytes = sendBytes
    this.startedAt = host.output.position
  }

  /** Whether nothing more is sent or received on it. */
  get isOver(): boolean {
    return this.current === CLOSED
  }

  /** The peer's message is complete, or nothing more of it counts. */
  get receiveEnded(): boolean {
    return this.current === HALF_CLOSED_REMOTE || this.current === CLOSED
  }

  /** Bytes that wait for a window or for the kernel. */
  get waiting(): number {
    return this.backlog?.bytes ?? 0
  }

  /** Whether our message is complete, as far as the writer is concerned. */
  get sendEnded(): boolean {
    if (this.backlog?.endsMessage === true) return true
    return this.current === HALF_CLOSED_LOCAL || this.current === CLOSED
  }

  get receiveWindow(): ReceiveWindow {
    this.ownReceiveWindow ??= new ReceiveWindow(this.host.initialReceiveBytes)
    return this.ownReceiveWindow
  }

  /** @param bytes of a WINDOW_UPDATE, or by how much the initial window changed. @returns whether it is a window still (RFC 9113 §6.9.1) */
  growSendWindow(bytes: number): boolean {
    this.sendBytes += bytes
    return this.sendBytes <= MAX_31_BITS
  }

  /**
   * Takes the payload of a DATA frame, padding included. Most responses are one frame: for that there need be no window.
   *
   * @param isLast whether it ends the message @returns whether the peer was allowed to send it
   */
  takeData(bytes: number, isLast: boolean): boolean {
    if (isLast && this.ownReceiveWindow === undefined) return bytes <= this.host.initialReceiveBytes
    return this.receiveWindow.take(bytes)
  }

  /** `initialReceiveBytes` has grown by so much, which may be negative. */
  initialReceiveBytesGrew(bytes: number): void {
    this.ownReceiveWindow?.resize(bytes)
  }

  /** A request begins. */
  begin(): void {
    this.on(STREAM.events.head)
  }

  /**
   * Sends a header block: a head, or an interim response. It has to be encoded right before, as the peer decodes blocks in
   * the order in which they are sent.
   */
  headers(block: Buffer, from: number, to: number, endsStream = false): void {
    if (this.sendEnded) return
    this.writeBlock(block, from, to, endsStream)
    if (endsStream) this.sentEnd()
  }

  /** Sends bytes of the body. */
  data(bytes: Buffer, from: number, to: number): void {
    if (this.sendEnded) return
    const at = this.backlog === undefined ? this.send(bytes, from, to) : from
    if (at < to) this.keep(bytes, at, to)
  }

  /**
   * Our message is complete.
   *
   * @param trailers a header block that does not use the dynamic table, as it may have to wait behind data
   */
  end(trailers?: Buffer): void {
    if (this.sendEnded) return
    const { backlog } = this
    if (backlog === undefined) return this.finish(trailers)
    backlog.endsMessage = true
    backlog.trailers = trailers
  }

  /** Ends the stream at once (RFC 9113 §6.4); the owner hears nothing more. */
  reset(code: number): void {
    if (this.isOver) return
    this.owner = undefined
    this.host.output.writeNumber(FRAME.resetStream, this.id, code)
    this.host.resetHere(this)
    this.close()
    if (code === ERROR.protocol) this.host.blamed()
  }

  /**
   * Our message is complete, and the rest of the peer's is not wanted (RFC 9113 §8.1). The end of ours leaves with a write of its own:
   * clients that read it together with the reset, such as curl 7.88, take that for a failure of the response.
   */
  endEarly(): void {
    const { output } = this.host
    this.pause()
    output.flush()
    if (output.waiting === 0) this.reset(ERROR.none)
    else this.host.endsWhenSent(this)
  }

  /** Takes no more than what the window allows already. */
  pause(): void {
    this.receiveWindow.isPaused = true
  }

  resume(): void {
    const { ownReceiveWindow: receiveWindow } = this
    if (receiveWindow?.isPaused !== true) return
    receiveWindow.isPaused = false
    this.giveBack()
  }

  /** The owner has nothing to do with it any more, after `lost`. */
  release(): void {
    this.host.release(this)
  }

  // --- the connection calls

  /** Sends a frame of what waits. @returns whether there was room for any */
  sendWaiting(): boolean {
    const backlog = this.backlog!
    const { first, offset } = backlog
    const at = this.sendFrame(first, offset, first.length)
    backlog.sent(at)
    if (backlog.bytes === 0) this.emptied(backlog)
    return at > offset
  }

  /** Data of that size was handed over. */
  hasRead(bytes: number): void {
    const { receiveWindow } = this
    receiveWindow.read(bytes)
    if (!receiveWindow.isPaused && !this.receiveEnded) this.giveBack()
  }

  /** END_STREAM has come. */
  receivedEnd(): void {
    this.on(STREAM.events['received-end'])
    const { owner } = this
    if (this.isOver) this.host.over(this, true)
    owner?.ended()
  }

  /** It is over without having been completed, not by our doing. */
  lose(how: StreamLoss, code: number): void {
    if (this.isOver) return
    const { owner } = this
    this.owner = undefined
    this.close()
    owner?.lost(how, code)
  }

  private on(event: GraphEvent<StreamEvent>): void {
    this.current = this.current.after(event)
  }

  private close(): void {
    this.on(STREAM.events.reset)
    this.backlog = undefined
    this.host.over(this, false)
  }

  /** A block that is longer than a frame is continued in others (§6.10). */
  private writeBlock(block: Buffer, from: number, to: number, endsStream: boolean): void {
    const { output } = this.host
    let at = Math.min(to, from + DEFAULT_FRAME_BYTES)
    const end = endsStream ? FLAG.endStream : 0
    output.write(FRAME.headers, at === to ? end | FLAG.endHeaders : end, this.id, block, from, at)
    while (at < to) {
      const next = Math.min(to, at + DEFAULT_FRAME_BYTES)
      output.write(FRAME.continuation, next === to ? FLAG.endHeaders : 0, this.id, block, at, next)
      at = next
    }
  }

  /** @returns up to where it was sent */
  private send(bytes: Buffer, from: number, to: number): number {
    let at = from
    while (at < to) {
      const next = this.sendFrame(bytes, at, to)
      if (next === at) return at
      at = next
    }
    return at
  }

  private sendFrame(bytes: Buffer, from: number, to: number): number {
    const { output, sendWindow } = this.host
    const room = Math.min(this.sendBytes, sendWindow.bytes, DEFAULT_FRAME_BYTES)
    if (room <= 0 || !output.takesData) return from
    const end = Math.min(to, from + room)
    output.write(FRAME.data, 0, this.id, bytes, from, end)
    this.sendBytes -= end - from
    this.sent += end - from
    this.host.sentData(end - from, end < to && room < DEFAULT_FRAME_BYTES)
    return end
  }

  private keep(bytes: Buffer, from: number, to: number): void {
    this.backlog ??= new Backlog()
    this.backlog.add(bytes, from, to)
    this.host.waits(this)
  }

  private emptied({ endsMessage, trailers }: Backlog): void {
    const { owner } = this
    this.backlog = undefined
    if (endsMessage) this.finish(trailers)
    owner?.writable()
  }

  private finish(trailers: Buffer | undefined): void {
    if (trailers === undefined) this.flagEnd()
    else this.writeBlock(trailers, 0, trailers.length, true)
    this.sentEnd()
  }

  /** Most messages end with the frame before, if that has not been sent. */
  private flagEnd(): void {
    const { output } = this.host
    if (output.flagLast(FLAG.endStream, this.id, FRAME.data)) return
    if (output.flagLast(FLAG.endStream, this.id, FRAME.headers)) return
    output.frame(FRAME.data, FLAG.endStream, this.id, 0)
  }

  private sentEnd(): void {
    this.on(STREAM.events['sent-end'])
    if (this.isOver) this.host.over(this, true)
  }

  private giveBack(): void {
    const { owner, ownReceiveWindow: receiveWindow } = this
    if (receiveWindow?.isDue !== true || this.receiveEnded) return
    if (owner !== undefined) receiveWindow.grow(owner.moreWindow())
    const bytes = receiveWindow.giveBack()
    if (bytes > 0) this.host.output.writeNumber(FRAME.windowUpdate, this.id, bytes)
  }
}
