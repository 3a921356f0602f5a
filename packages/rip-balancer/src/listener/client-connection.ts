import { identify, type ClientIdentity } from '../forwarding/client-identity.ts'
import type { ClientSide } from '../exchange/client-side.ts'
import type { DataPlane } from '../exchange/data-plane.ts'
import { Exchange } from '../exchange/exchange.ts'
import type { NodeAddress } from '../address/node-address.ts'
import type { EndCause } from '../exchange/record.ts'
import type { RequestInFlight } from '../exchange/request-in-flight.ts'
import { statusOf, type Fault } from '../http1/fault.ts'
import { INCOMPLETE, REFUSED } from '../http1/field-section.ts'
import type { FieldEdits } from '../forwarding/field-edits.ts'
import type { Trailers } from '../forwarding/trailers.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { PREFACE_LINE } from '../http2/frame-type.ts'
import type { ByteSocket } from '../transport/byte-socket.ts'
import type { Clock } from '../transport/clock.ts'
import { Outbox } from '../transport/outbox.ts'
import { peek } from '../transport/peek.ts'
import { nextState } from '../state-table.ts'
import type { ConnectionKeeper, KeptConnection } from './connection-keeper.ts'
import { CLIENT_STATES, type ClientEvent, type ClientState } from './client-state.ts'
import { HeldInput } from './held-input.ts'
import { Http1Request } from './http1-request.ts'
import { Http1Response } from './http1-response.ts'
import { PlainProxyHeader } from './plain-proxy-header.ts'
import { answerPlainHttp, beginsWithTls, NO_TLS_HERE } from './wrong-protocol.ts'
import { ProxyHeader } from './proxy-header.ts'

/** What is said to a client that has too many connections. */
export const REFUSAL: Buffer = Buffer.from(
  'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n',
)

const MAX_LINGER_MS = 6_000
/** The same limit for a connection that was refused. */
const MAX_LINGER_OF_REFUSED_MS = 1_000
/** A head in front of so many bytes is copied: else it would keep their memory until its response is complete. */
const LARGE_BODY_BYTES = 32 * 1024
/** What has arrived is read within this time, however much there is to do. */
const READ_WITHIN_MS = 1_000
/** Where `hasUnread` peeks to; the bytes themselves are not used. */
const ONE_BYTE = Buffer.alloc(1)

/**
 * One connection of a client: reads requests one after the other, lets the exchange have their bodies, and keeps what
 * comes early. Bytes that are not wanted yet are held and the socket is paused, so a connection occupies at most what
 * one read brought.
 */
export class ClientConnection implements ClientSide, KeptConnection {
  readonly outbox: Outbox
  identity: ClientIdentity
  /** Place in the keeper's table. */
  slot = -1
  /** The address connection limits count it for; `undefined` while it belongs to a proxy that named no client. */
  countedFor: string | undefined
  private readonly socket: ByteSocket
  private readonly plane: DataPlane
  private readonly clock: Clock
  private readonly keeper: ConnectionKeeper
  private readonly exchange: Exchange
  private readonly request: Http1Request
  private readonly response: Http1Response
  private state: ClientState
  /** The head that is being read, or of the request that is being answered. */
  private requestHead: RequestHead | undefined
  /** Reads the PROXY header in front of the first request; on a connection with TLS in front of the handshake. */
  private proxyHeader: ProxyHeader | undefined
  private plainHeader: PlainProxyHeader | undefined
  private readonly input = new HeldInput()
  /** The exchange has heard that the client stopped sending. */
  private endTold = false
  /** The exchange does not want input for now. */
  private inputUnwanted = false
  /** `pump` is running: a call from within changes nothing. */
  private pumping = false
  /** The socket is paused. */
  private paused = false
  /** The socket is shut down when all that waits is sent. */
  private shutdownPending = false
  /** Requests that were read. */
  private requests = 0
  /** When the current head began, when the connection became idle, or when a lingering client last sent something. */
  private since: number
  /** When a lingering connection is closed although the client goes on sending. */
  private lingersUntil = 0

  constructor(
    socket: ByteSocket,
    plane: DataPlane,
    keeper: ConnectionKeeper,
    peer: NodeAddress,
    secure: boolean,
  ) {
    const { proxyProtocolFrom, forwarding, limits, upgrades } = plane.settings
    this.socket = socket
    this.plane = plane
    this.clock = plane.turn.clock
    this.keeper = keeper
    this.outbox = new Outbox(socket, plane.turn.output, true)
    this.identity = identify(peer, secure ? 'https' : 'http', forwarding.trustedProxies)
    this.request = new Http1Request(limits, upgrades)
    this.response = new Http1Response(this.outbox, plane.responses, plane.turn.clock)
    this.exchange = new Exchange(plane, this)
    this.since = this.clock.nowMs
    this.state = secure ? 'handshaking' : 'open'
    if (proxyProtocolFrom?.has(this.identity.address) !== true) return
    if (secure)
      this.plainHeader = new PlainProxyHeader(socket, plane.turn, (header) => this.plainHeaderRead(header))
    else this.proxyHeader = new ProxyHeader()
  }

  get isIdle(): boolean {
    return this.exchange.isIdle
  }

  inFlight(nowMs: number): readonly RequestInFlight[] {
    const request = this.exchange.inFlight(nowMs)
    return request === undefined ? [] : [request]
  }

  /** When the last request ended, in monotonic milliseconds; `Infinity` while there is one. */
  get idleSince(): number {
    const asked = !this.isOpen || !this.exchange.isIdle || this.requestHead?.begun === true
    return asked ? Number.POSITIVE_INFINITY : this.since
  }

  /** Nothing was ever asked, although it could have been. */
  get isUnused(): boolean {
    return this.requests === 0 && this.state === 'open'
  }

  /** Whether bytes have arrived that the event loop has not read yet. Costs a system call: asked only of those that may be closed as idle. */
  hasUnread(): boolean {
    const { fd } = this.socket
    return fd !== undefined && peek(fd, ONE_BYTE) > 0
  }

  /** Whether another request may follow the current one. */
  private get mayPersist(): boolean {
    if (this.keeper.isDraining || this.requests >= this.plane.settings.limits.maxRequestsPerConnection)
      return false
    return !this.input.isExhausted
  }

  /** Socket event: the TLS handshake succeeded. */
  secured(): void {
    if (this.state === 'handshaking') this.on('secured')
  }

  /** Socket event. */
  received(chunk: Buffer): void {
    if (this.isLeaving) this.since = this.clock.nowMs
    if (!this.isOpen) return
    this.input.add(chunk)
    this.pump()
  }

  /** As for {@link Receiver}: nothing of the chunk is held here any more. */
  consumed(chunk: Buffer): void {
    if (this.input.isEmpty) this.exchange.freeChunk(chunk)
  }

  /** The handshake failed. @param plainHttp as the client spoke HTTP */
  unsecured(plainHttp: boolean): void {
    if (plainHttp) {
      this.plane.settings.observer.connection('http-on-tls')
      answerPlainHttp(this.socket.fd)
    }
    this.socket.terminate()
    this.closed()
  }

  failed(error: unknown): void {
    this.plane.settings.observer.fault(error)
    this.socket.terminate()
    this.closed()
  }

  /** Socket event: the client stopped sending. */
  ended(): void {
    this.input.hasEnded = true
    if (this.state === 'lingering') this.on('end')
    if (this.state === 'ending') return this.socket.end()
    this.pump()
    if (!this.input.isEmpty && !this.exchange.isIdle) this.exchange.noteHalfClose()
  }

  /** Socket event: the connection is gone. */
  closed(): void {
    if (this.state === 'closed') return
    this.on('close')
    this.input.clear()
    this.plainHeader?.[Symbol.dispose]()
    this.outbox.discard()
    this.exchange.clientGone()
    this.dropHead()
    this.keeper.forget(this)
  }

  /** Socket event. */
  writable(): void {
    if (this.outbox.waiting === 0 || !this.outbox.drained() || this.isGone) return
    if (this.shutdownPending) this.socket.shutdown()
    this.exchange.clientDrained()
  }

  /** Checks time limits; a mistake in that costs this connection only. @param now monotonic milliseconds */
  tick(now: number): void {
    try {
      this.checkTime(now)
    } catch (error) {
      this.failed(error)
    }
  }

  private checkTime(now: number): void {
    if (this.isLeaving) return this.tickLeaving(now)
    if (!this.exchange.isIdle) return this.exchange.tick(now)
    if (this.isOpen) this.tickIdle(now)
  }

  /** The deadline of a drain has passed, or the listener is closed: ends at once, with whatever is under way. */
  closeNow(): void {
    if (this.exchange.isIdle) this.leave()
    else this.socket.terminate()
  }

  /** Ends while idle to make room for a new connection, and is not counted from now on. */
  giveWay(): void {
    this.leave()
    this.closed()
  }

  // --- ClientSide: the request

  get upgrade(): string | undefined {
    return this.request.upgrade
  }

  get takesTrailers(): boolean {
    return this.request.takesTrailers
  }

  // --- ClientSide: the response

  get sent(): number {
    return this.outbox.sent
  }

  get waiting(): number {
    return this.outbox.waiting
  }

  get acknowledged(): number {
    return this.outbox.acknowledged
  }

  askForBody(): void {
    this.response.askForBody()
  }

  interim(response: ResponseHead): void {
    this.response.interim(response)
  }

  switching(response: ResponseHead, cookie: string | undefined): void {
    this.response.switching(response, this.request.upgrade!, cookie)
    this.request.becomeTunnel()
  }

  head(response: ResponseHead, requestId: string | number | undefined, edits: FieldEdits | undefined): void {
    if (!this.mayPersist) this.closeAfter()
    this.response.head(response, this.request.takesTrailers, requestId, edits)
  }

  data(bytes: Buffer, from: number, to: number): void {
    this.response.data(bytes, from, to)
  }

  end(trailers: Trailers | undefined): void {
    this.response.end(trailers)
  }

  answer(
    status: number,
    fields: Readonly<Record<string, string>>,
    body: string | Uint8Array,
    requestId: string,
  ): void {
    if (!this.mayPersist) this.closeAfter()
    this.response.answer(status, fields, body, requestId)
  }

  flush(): void {
    this.outbox.flush()
  }

  // --- ClientSide: the connection

  closeAfter(): void {
    this.response.persists = false
  }

  abort(): void {
    if (this.isGone) return
    const reset = this.response.endsByClosing || this.outbox.waiting > 0
    this.on('abort')
    this.dropHead()
    // An orderly end would look like the end of such a response.
    if (reset) this.socket.terminate()
    else this.socket.end()
  }

  shutdown(): void {
    this.outbox.flush()
    if (this.outbox.waiting > 0) this.shutdownPending = true
    else this.socket.shutdown()
  }

  inputWanted(): void {
    this.inputUnwanted = false
    this.pump()
  }

  inputNotWanted(): void {
    this.inputUnwanted = true
    this.regulate()
  }

  exchangeLasts(): void {
    this.keeper.setLasting(this, true)
  }

  exchangeEnded(): void {
    if (this.slot >= 0) this.keeper.setLasting(this, false)
    this.dropHead()
    this.since = this.clock.nowMs
    this.inputUnwanted = false
    if (!this.response.persists || this.input.isExhausted) return this.closeGracefully()
    this.pump()
  }

  // --- state

  private on(event: ClientEvent): void {
    this.state = nextState(CLIENT_STATES, this.state, event)
  }

  private get isOpen(): boolean {
    return this.state === 'open' || this.state === 'handshaking'
  }

  /** The last response has been sent. */
  private get isLeaving(): boolean {
    return this.state === 'lingering' || this.state === 'ending'
  }

  private get isGone(): boolean {
    return this.state === 'aborted' || this.state === 'closed'
  }

  // --- input

  /** Hands the input over, request after request; in a loop, as many requests may be pipelined. */
  private pump(): void {
    if (this.pumping) return
    this.pumping = true
    while (!this.input.isEmpty && this.isOpen && this.step());
    this.pumping = false
    if (this.input.isExhausted && this.isOpen) this.inputExhausted()
    this.regulate()
  }

  /** @returns whether there may be more to do */
  private step(): boolean {
    if (this.proxyHeader !== undefined) return this.readProxyHeader(this.proxyHeader)
    if (this.exchange.isIdle) return this.readHead()
    if (!this.exchange.wantsInput) return false
    const { bytes, at } = this.input
    const { length } = bytes
    this.input.clear()
    const takenTo = this.request.take(bytes, at, length, this.exchange)
    if (takenTo < length && this.isOpen) this.input.putBack(bytes, takenTo)
    return true
  }

  private readHead(): boolean {
    const { since } = this
    const head = this.borrowHead()
    const { bytes, at: from } = this.input
    const { kept } = head
    const at = head.feed(bytes, from, bytes.length)
    if (at === INCOMPLETE) return this.headIncomplete(head, since)
    if (at === REFUSED && this.requests === 0 && beginsWithTls(bytes, from)) return this.turnTlsAway()
    if (at === REFUSED && this.isPreface(head))
      return this.becomeHttp2(bytes, from + PREFACE_LINE.length - kept)
    if (at === REFUSED) return this.refuse(head.fault!)
    this.input.taken(at)
    if (bytes.length - at > LARGE_BODY_BYTES) head.detach()
    const fault = head.check()
    if (fault !== undefined) return this.refuse(fault)
    this.requests++
    this.request.begin(head)
    this.response.begin(head, head.persists && this.mayPersist)
    this.exchange.begin(head, this.since)
    if (this.input.hasEnded && !this.exchange.isIdle) this.exchange.noteHalfClose()
    return true
  }

  /** Whether what was refused is the first line of HTTP/2, and this is a place for it (RFC 9113 §3.3). */
  private isPreface({ bytes, start, fault }: RequestHead): boolean {
    if (fault !== 'unsupported-version' || this.requests > 0 || !this.keeper.takesPreface) return false
    return bytes.subarray(start, start + PREFACE_LINE.length).equals(PREFACE_LINE)
  }

  /** Another connection goes on, from the preface. @param at where the rest of that begins */
  private becomeHttp2(bytes: Buffer, at: number): false {
    this.input.clear()
    this.dropHead()
    this.on('close')
    this.keeper.becomesHttp2(this, this.socket, Buffer.concat([PREFACE_LINE, bytes.subarray(at)]))
    return false
  }

  private borrowHead(): RequestHead {
    if (this.requestHead !== undefined) return this.requestHead
    this.since = this.clock.nowMs
    this.requestHead = this.plane.borrowHead()
    return this.requestHead
  }

  /** Empty lines between requests do not start one: the connection is as idle as before. */
  private headIncomplete(head: RequestHead, idleSince: number): false {
    this.input.clear()
    if (head.begun) return false
    this.dropHead()
    this.since = idleSince
    return false
  }

  private refuse(fault: Fault): false {
    this.refuseWith(statusOf(fault), 'bad-request')
    return false
  }

  private refuseWith(status: number, cause: EndCause): void {
    this.request.refuse()
    this.response.begin(this.requestHead, false)
    this.exchange.refuse(this.requestHead, status, cause, this.since)
  }

  private dropHead(): void {
    if (this.requestHead === undefined) return
    this.plane.returnHead(this.requestHead)
    this.requestHead = undefined
  }

  private readProxyHeader(header: ProxyHeader): boolean {
    const at = header.feed(this.input.bytes, this.input.at)
    if (at === INCOMPLETE) this.input.clear()
    if (at === REFUSED) this.socket.terminate()
    if (at < 0) return false
    this.input.taken(at)
    this.proxyHeader = undefined
    return this.identifyAs(header) || this.turnAway()
  }

  private plainHeaderRead(header: ProxyHeader | undefined): void {
    this.plainHeader = undefined
    if (header === undefined || !this.identifyAs(header)) this.socket.terminate()
  }

  /** @returns whether the client that is named may have another connection */
  private identifyAs({ source }: ProxyHeader): boolean {
    if (source === undefined) return true
    const { connections, settings } = this.plane
    this.identity = identify(source, this.identity.scheme, settings.forwarding.trustedProxies)
    const refusal = connections.attribute(this.identity.address, settings.limits)
    if (refusal === undefined) this.countedFor = this.identity.address
    else settings.observer.connection(refusal)
    return refusal === undefined
  }

  private turnAway(): false {
    this.outbox.append(REFUSAL, 0, REFUSAL.length)
    this.outbox.flush()
    this.linger(MAX_LINGER_OF_REFUSED_MS)
    return false
  }

  /** An answer in HTTP would look like a broken TLS server. */
  private turnTlsAway(): false {
    this.plane.settings.observer.connection('tls-on-http')
    this.dropHead()
    this.outbox.append(NO_TLS_HERE, 0, NO_TLS_HERE.length)
    this.outbox.flush()
    this.linger(MAX_LINGER_OF_REFUSED_MS)
    return false
  }

  private inputExhausted(): void {
    if (this.exchange.isIdle) {
      if (this.requestHead?.begun === true)
        return this.refuseWith(statusOf('truncated-message'), 'bad-request')
      this.on('end')
      return this.socket.end()
    }
    if (this.endTold) return
    this.endTold = true
    if (!this.exchange.clientEnded()) this.socket.end()
  }

  /** Reads only while its bytes are wanted. While the exchange waits for a backend the socket is read as well, as the client may leave. */
  private regulate(): void {
    if (!this.isOpen) return
    const pause = !this.input.isEmpty || this.inputUnwanted
    if (pause === this.paused) return
    this.paused = pause
    if (pause) this.socket.pause()
    else this.socket.resume()
  }

  // --- closing

  private closeGracefully(): void {
    if (!this.isOpen) return
    const allRead = this.input.isEmpty && this.request.isComplete
    if (!this.input.hasEnded && !allRead) return this.linger(MAX_LINGER_MS)
    this.on('end')
    this.socket.end()
  }

  private linger(forMs: number): void {
    this.on('linger')
    this.since = this.clock.nowMs
    this.lingersUntil = this.since + forMs
    this.input.clear()
    this.socket.shutdown()
    if (this.paused) this.socket.resume()
  }

  private tickLeaving(now: number): void {
    const silentMs = now - this.since
    if (silentMs > this.plane.settings.timeouts.lingerMs || now > this.lingersUntil) this.socket.terminate()
  }

  private tickIdle(now: number): void {
    const { timeouts } = this.plane.settings
    if (this.requestHead?.begun === true) {
      if (now - this.since > timeouts.headerMs) this.headTimedOut()
      return
    }
    const drainedMs = this.keeper.isDraining ? now - this.keeper.drainingSince - timeouts.drainGraceMs : 0
    if (drainedMs > 0) return this.isAsked(drainedMs) ? undefined : this.leave()
    const limitMs = this.requests === 0 ? timeouts.headerMs : timeouts.clientIdleMs
    const idleMs = now - this.since - limitMs
    if (idleMs <= 0 || this.isAsked(idleMs)) return
    this.plane.settings.observer.connection('idle-timeout')
    this.leave()
  }

  /** A request has arrived, and is about to be read: timers run before. */
  private isAsked(overdueMs: number): boolean {
    return this.state === 'open' && overdueMs < READ_WITHIN_MS && this.hasUnread()
  }

  private leave(): void {
    if (this.state === 'handshaking') this.socket.terminate()
    else this.socket.end()
  }

  private headTimedOut(): void {
    this.refuseWith(408, 'client-timeout')
  }
}
