import { ERROR } from './error-code.ts'
import type { FrameHost } from './frame-host.ts'
import type { DataHandler } from './frame-reader.ts'
import { FRAME } from './frame-type.ts'
import type { PeerConduct } from './peer-conduct.ts'
import { ReceiveWindow } from './receive-window.ts'
import { DEFAULT_WINDOW_BYTES } from './settings.ts'
import type { Http2Stream } from './stream.ts'
import type { StreamTable } from './stream-table.ts'

/** So much of all streams may be under way to us: what bounds the memory are the windows of the streams. */
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024

/** The DATA frames of a connection (RFC 9113 §6.1): whose they are, and how much more may come (§6.9). */
export class IncomingData implements DataHandler {
  private readonly streams: StreamTable
  private readonly conduct: PeerConduct
  private readonly host: FrameHost
  private readonly window = new ReceiveWindow(DEFAULT_WINDOW_BYTES, CONNECTION_WINDOW_BYTES)
  /** The stream whose frame is being read; `undefined` when its data is ignored. */
  private current: Http2Stream | undefined
  /** Length of that frame. */
  private frameBytes = 0
  /** What of it is data, and not padding. */
  private dataBytes = 0

  constructor(streams: StreamTable, conduct: PeerConduct, host: FrameHost) {
    this.streams = streams
    this.conduct = conduct
    this.host = host
  }

  begins(id: number, length: number, endsStream: boolean): void {
    const { conduct } = this
    this.current = undefined
    this.frameBytes = length
    this.dataBytes = 0
    if (!this.window.take(length)) return this.host.fail(ERROR.flowControl, 'more DATA than the window takes')
    const stream = this.streams.get(id)
    if (stream === undefined) return conduct.expectReset(id, 'DATA')
    if (stream.receiveEnded) return conduct.resetStream(stream, ERROR.streamClosed)
    if (!stream.sawHead) return conduct.resetStream(stream, ERROR.protocol)
    if (!stream.takeData(length, endsStream)) return conduct.resetStream(stream, ERROR.flowControl)
    this.current = stream
  }

  part(bytes: Buffer, from: number, to: number): void {
    this.dataBytes += to - from
    this.current?.owner?.dataReceived(bytes, from, to)
  }

  ends(endsStream: boolean): void {
    const { current, frameBytes, dataBytes } = this
    if (this.host.isOver) return
    this.current = undefined
    this.window.read(frameBytes)
    this.giveBack()
    if (dataBytes > 0) this.conduct.budget.movedMessage(dataBytes)
    else if (!endsStream) this.conduct.countControlFrame()
    if (current === undefined || this.host.isOver) return
    if (endsStream) current.receivedEnd()
    else current.hasRead(frameBytes)
  }

  /** The stream is over: what is still to come of its frame is ignored. */
  forget(stream: Http2Stream): void {
    if (this.current === stream) this.current = undefined
  }

  /** Lets the peer send more when that is worth a frame. */
  giveBack(): void {
    const bytes = this.window.giveBack()
    if (bytes > 0) this.host.output.writeNumber(FRAME.windowUpdate, 0, bytes)
  }
}
