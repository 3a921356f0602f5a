import type { Exchange } from '../../exchange/exchange.ts'
import { Trailers } from '../../forwarding/trailers.ts'
import { statusOf, type Fault } from '../../http1/fault.ts'
import type { RequestHead } from '../../http1/request-head.ts'
import { requestedUpgrade } from '../../http1/upgrade.ts'
import type { DecodeResult } from '../../http2/hpack/hpack-decoder.ts'
import type { Http2Stream, StreamOwner } from '../../http2/stream.ts'
import { HeldData } from './held-data.ts'
import type { Http2Plane } from './http2-plane.ts'
import { GIVE_BACK_BYTES, UploadWindow } from './upload-window.ts'

const BAD_REQUEST = 400
const NOT_IMPLEMENTED = 501
const NOTHING: Buffer = Buffer.alloc(0)

/** What happens to the stream of a request, and ends its exchange. */
export interface StreamEnds {
  /** It was reset by the client or because of it, or the connection is gone. */
  lost(): void
  /** The client has ended its side before there was the tunnel it asks for. */
  leftTunnel(): void
}

/** The request of a stream: its head, read by the rules of HTTP/1.1, then its body, and the trailers (RFC 9113 §8.1). */
export class StreamRequest implements StreamOwner {
  /** Protocol of the tunnel it asks for (RFC 8441). */
  upgrade: string | undefined
  takesTrailers = false
  /** The client has sent all there is. */
  hasEnded = false
  /** It breaks a rule for which a stream is reset instead of being answered (RFC 9113 §8.1.1). */
  isMalformed = false
  private readonly plane: Http2Plane
  private readonly exchange: Exchange
  private readonly ends: StreamEnds
  private stream: Http2Stream | undefined
  private head: RequestHead | undefined
  /** Where the head lies, for as long as the exchange goes on. */
  private headBytes: Buffer = NOTHING
  /** Made when something has to be held; most requests end with their heads. */
  private held: HeldData | undefined
  /** Made when the body is longer than the window that there is at first. */
  private window: UploadWindow | undefined
  /** Bytes of the body that came. */
  private received = 0
  /** Bytes of the body that were announced; `Infinity` if none were. */
  private announced = 0
  private trailers: Trailers | undefined
  /** What still comes is dropped. */
  private dropsInput = false
  /** The exchange has heard of the end. */
  private endTold = false
  /** The exchange is being given what was held: a call from within changes nothing. */
  private pumping = false

  constructor(plane: Http2Plane, exchange: Exchange, ends: StreamEnds) {
    this.plane = plane
    this.exchange = exchange
    this.ends = ends
  }

  /** Begins with the fields that were decoded to `plane.requestFields`. @param endsStream whether nothing follows them */
  begin(stream: Http2Stream, result: DecodeResult, endsStream: boolean): void {
    this.stream = stream
    this.hasEnded = endsStream
    this.received = this.announced = 0
    this.upgrade = this.trailers = undefined
    this.takesTrailers = this.isMalformed = this.dropsInput = this.endTold = false
    if (result === 'too-large') return this.refuse(statusOf('head-too-large'))
    const { requestFields } = this.plane
    if (!requestFields.end(!endsStream)) return this.refuseMalformed()
    const fault = this.readHead()
    if (fault !== undefined) return this.refuse(statusOf(fault))
    this.beginExchange(this.head!)
  }

  /** The fields behind the body were decoded to `plane.trailerFields`; `ended` follows. */
  takeTrailers(result: DecodeResult): void {
    const { trailerFields, data } = this.plane
    const section = result === 'complete' ? trailerFields.end(data.settings.limits) : undefined
    if (section === undefined) return this.refuseBody()
    if (section.count > 0) this.trailers = new Trailers(section, undefined)
  }

  /** Whether it is HEAD, as far as it could be read. */
  get isHead(): boolean {
    return this.head?.isHead === true
  }

  /** The exchange can take input (again). */
  pump(): void {
    if (this.pumping) return
    this.pumping = true
    while (this.holdsData && this.exchange.wantsInput) {
      const run = this.held!.take()
      this.exchange.take(run, 0, run.length)
    }
    this.pumping = false
    if (this.stream === undefined || this.holdsData) return
    this.stream.resume()
    if (this.hasEnded && !this.dropsInput) this.tellEnd()
  }

  /** What the client still sends is not wanted. */
  dropInput(): void {
    this.dropsInput = true
    this.forgetBody()
  }

  /** The exchange is over. */
  letGo(): void {
    this.stream = this.trailers = undefined
    this.forgetBody()
    if (this.head !== undefined) this.plane.data.returnHead(this.head)
    this.head = undefined
  }

  // --- StreamOwner

  dataReceived(bytes: Buffer, from: number, to: number): void {
    if (this.dropsInput) return
    this.received += to - from
    if (this.received > this.announced) return this.refuseBody()
    if (!this.holdsData && this.exchange.wantsInput) return this.exchange.take(bytes, from, to)
    this.held ??= new HeldData()
    this.held.add(bytes, from, to)
    this.stream?.pause()
  }

  /** It does not grow before there is a backend that takes the body. A tunnel may last, and what it sends comes now and then. */
  moreWindow(): number {
    if (this.dropsInput || this.upgrade !== undefined || this.exchange.phase === 'gathering') return 0
    const { buffers, turn } = this.plane.data
    const { nowMs } = turn.clock
    this.window ??= new UploadWindow(buffers, nowMs)
    const more = this.window.used(this.received, this.announced - this.received, nowMs)
    if (more > 0) this.stream?.receiveWindow.giveBackFrom(GIVE_BACK_BYTES)
    return more
  }

  ended(): void {
    this.hasEnded = true
    if (this.dropsInput) return
    if (this.received < this.announced && this.announced < Number.POSITIVE_INFINITY) return this.refuseBody()
    if (!this.holdsData) this.tellEnd()
  }

  writable(): void {
    this.exchange.clientDrained()
  }

  lost(): void {
    this.ends.lost()
  }

  // --- the head

  /** Has the strict parser read what was decoded, and applies the rules that need the whole head. */
  private readHead(): Fault | undefined {
    const { lines } = this.plane.requestFields
    if (lines.at > this.headBytes.length) this.headBytes = Buffer.allocUnsafeSlow(lines.at)
    lines.bytes.copy(this.headBytes, 0, 0, lines.at)
    const head = this.plane.data.borrowHead()
    this.head = head
    const end = head.feed(this.headBytes, 0, lines.at)
    head.major = 2
    return end < 0 ? (head.fault ?? 'truncated-message') : head.check()
  }

  private beginExchange(head: RequestHead): void {
    const { requestFields, data } = this.plane
    const { isTunnel } = requestFields
    if (this.hasEnded && head.hasBody) return this.refuseMalformed()
    this.takesTrailers = requestFields.takesTrailers
    this.announced = isTunnel || head.body.framing === 'chunked' ? Number.POSITIVE_INFINITY : head.body.length
    if (isTunnel) this.upgrade = requestedUpgrade(head, data.settings.upgrades)
    if (isTunnel && this.upgrade === undefined) return this.refuse(NOT_IMPLEMENTED)
    const { nowMs } = data.turn.clock
    this.window?.begin(nowMs)
    this.exchange.begin(head, nowMs)
  }

  private refuseMalformed(): void {
    this.isMalformed = true
    this.refuse(BAD_REQUEST)
  }

  private refuse(status: number): void {
    this.dropsInput = true
    this.exchange.refuse(this.head, status, 'bad-request', this.plane.data.turn.clock.nowMs)
  }

  // --- the body

  private get holdsData(): boolean {
    return this.held?.isEmpty === false
  }

  private forgetBody(): void {
    this.held = undefined
    this.window?.free()
  }

  /** Its length is not the one announced, or its trailers are malformed. */
  private refuseBody(): void {
    this.isMalformed = true
    this.dropInput()
    this.exchange.bodyRefused(BAD_REQUEST)
  }

  private tellEnd(): void {
    if (this.endTold) return
    this.endTold = true
    this.window?.free()
    if (this.upgrade === undefined) this.exchange.bodyEnded(this.trailers)
    else if (!this.exchange.clientEnded()) this.ends.leftTunnel()
  }
}
