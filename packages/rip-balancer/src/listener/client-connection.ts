import type { ClientIdentity } from '../forwarding/client-identity.ts'
import type { DataPlane } from '../exchange/data-plane.ts'
import type { NodeAddress } from '../address/node-address.ts'
import type { EndCause } from '../exchange/record.ts'
import type { RequestInFlight } from '../exchange/request-in-flight.ts'
import { statusOf, type Fault } from '../http1/fault.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { ByteSocket } from '../transport/byte-socket.ts'
import { Outbox } from '../transport/outbox.ts'
import { nextState } from '../state-table.ts'
import type { ConnectionKeeper, KeptConnection } from './connection-keeper.ts'
import { ConnectionDeadlines } from './connection-deadlines.ts'
import { ConnectionPeer } from './connection-peer.ts'
import { CLIENT_STATES, type ClientEvent, type ClientState } from './client-state.ts'
import { HeadReader } from './head-reader.ts'
import { HeldInput } from './held-input.ts'
import type { ClientHost } from './http1-client.ts'
import { Http1Service } from './http1-service.ts'
import { hasUnread, isBeingAsked } from './unread-input.ts'
import { answerPlainHttp, NO_TLS_HERE } from './wrong-protocol.ts'

/** What is said to a client that has too many connections. */
export const REFUSAL: Buffer = Buffer.from(
  'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n',
)

/**
 * One connection of a client: reads requests one after the other, lets the exchange have their bodies, and keeps what
 * comes early. Bytes that are not wanted yet are held and the socket is paused, so a connection occupies at most what
 * one read brought.
 */
export class ClientConnection implements ClientHost, KeptConnection {
  readonly outbox: Outbox
  /** Place in the keeper's table. */
  slot = -1
  private readonly socket: ByteSocket
  private readonly plane: DataPlane
  private readonly keeper: ConnectionKeeper
  private readonly peer: ConnectionPeer
  private readonly heads: HeadReader
  private readonly deadlines: ConnectionDeadlines
  /** Made for the first request: a client may have none, or go on in HTTP/2. */
  private ownService: Http1Service | undefined = undefined
  private state: ClientState
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

  constructor(
    socket: ByteSocket,
    plane: DataPlane,
    keeper: ConnectionKeeper,
    peer: NodeAddress,
    secure: boolean,
  ) {
    this.socket = socket
    this.plane = plane
    this.keeper = keeper
    this.peer = new ConnectionPeer(socket, plane, peer, secure, () => socket.terminate())
    this.heads = new HeadReader(plane)
    this.deadlines = new ConnectionDeadlines(plane, keeper)
    this.outbox = new Outbox(socket, plane.turn.output, true)
    this.state = secure ? 'handshaking' : 'open'
  }

  get identity(): ClientIdentity {
    return this.peer.identity
  }

  get countedFor(): string | undefined {
    return this.peer.countedFor
  }

  set countedFor(address: string | undefined) {
    this.peer.countedFor = address
  }

  get isIdle(): boolean {
    return this.ownService === undefined || this.ownService.exchange.isIdle
  }

  inFlight(nowMs: number): readonly RequestInFlight[] {
    const request = this.ownService?.exchange.inFlight(nowMs)
    return request === undefined ? [] : [request]
  }

  /** When the last request ended, in monotonic milliseconds; `Infinity` while there is one. */
  get idleSince(): number {
    const asked = !this.isOpen || !this.isIdle || this.heads.hasBegun
    return asked ? Number.POSITIVE_INFINITY : this.deadlines.since
  }

  /** Nothing was ever asked, although it could have been. */
  get isUnused(): boolean {
    return this.heads.count === 0 && this.state === 'open'
  }

  hasUnread(): boolean {
    return hasUnread(this.socket)
  }

  /** Whether another request may follow the current one. */
  get mayPersist(): boolean {
    if (this.keeper.isDraining || this.heads.count >= this.plane.settings.limits.maxRequestsPerConnection)
      return false
    return !this.input.isExhausted
  }

  /** Socket event: the TLS handshake succeeded. */
  secured(): void {
    if (this.state === 'handshaking') this.on('secured')
  }

  /** Socket event. */
  received(chunk: Buffer): void {
    if (this.isLeaving) this.deadlines.begin()
    if (!this.isOpen) return
    this.input.add(chunk)
    this.pump()
  }

  /** As for {@link Receiver}: nothing of the chunk is held here any more. */
  consumed(chunk: Buffer): void {
    if (this.input.isEmpty) this.ownService?.exchange.freeChunk(chunk)
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
    if (!this.input.isEmpty && !this.isIdle) this.service.exchange.noteHalfClose()
  }

  /** Socket event: the connection is gone. */
  closed(): void {
    if (this.state === 'closed') return
    this.on('close')
    this.input.clear()
    this.peer[Symbol.dispose]()
    this.outbox.discard()
    this.ownService?.exchange.clientGone()
    this.heads.drop()
    this.keeper.forget(this)
  }

  /** Socket event. */
  writable(): void {
    if (this.outbox.waiting === 0 || !this.outbox.drained() || this.isGone) return
    if (this.shutdownPending) this.socket.shutdown()
    this.ownService?.exchange.clientDrained()
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
    if (this.isLeaving) return this.checkLeaving(now)
    if (!this.isIdle) return this.service.exchange.tick(now)
    if (!this.isOpen) return
    if (this.heads.hasBegun) this.checkHead(now)
    else this.checkIdle(now)
  }

  private checkLeaving(now: number): void {
    if (this.deadlines.hasLingered(now)) this.socket.terminate()
  }

  private checkHead(now: number): void {
    if (this.deadlines.isHeadTooSlow(now, this.heads.begunAt)) this.refuseWith(408, 'client-timeout')
  }

  private checkIdle(now: number): void {
    const overDrainMs = this.deadlines.overDrainMs(now)
    if (overDrainMs > 0) return this.isAsked(overDrainMs) ? undefined : this.leave()
    const overIdleMs = this.deadlines.overIdleMs(now, this.heads.count === 0)
    if (overIdleMs <= 0 || this.isAsked(overIdleMs)) return
    this.plane.settings.observer.connection('idle-timeout')
    this.leave()
  }

  private isAsked(overdueMs: number): boolean {
    return this.state === 'open' && isBeingAsked(this.socket, overdueMs)
  }

  /** The deadline of a drain has passed, or the listener is closed: ends at once, with whatever is under way. */
  closeNow(): void {
    if (this.isIdle) this.leave()
    else this.socket.terminate()
  }

  /** Ends while idle to make room for a new connection, and is not counted from now on. */
  giveWay(): void {
    this.leave()
    this.closed()
  }

  // --- ClientHost

  abort(reset: boolean): void {
    if (this.isGone) return
    this.on('abort')
    this.heads.drop()
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
    this.heads.drop()
    this.deadlines.begin()
    this.inputUnwanted = false
    if (!this.service.client.persists || this.input.isExhausted) return this.closeGracefully()
    this.pump()
  }

  private get service(): Http1Service {
    this.ownService ??= new Http1Service(this, this.plane)
    return this.ownService
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
    if (this.peer.isUnknown) return this.readPeer()
    if (this.isIdle) return this.readHead()
    const { request, exchange } = this.service
    if (!exchange.wantsInput) return false
    const { bytes, at } = this.input
    const { length } = bytes
    this.input.clear()
    const takenTo = request.take(bytes, at, length, exchange)
    if (takenTo < length && this.isOpen) this.input.putBack(bytes, takenTo)
    return true
  }

  private readPeer(): boolean {
    switch (this.peer.read(this.input)) {
      case 'known':
        return true
      case 'incomplete':
        return false
      case 'malformed':
        this.socket.terminate()
        return false
      case 'too-many':
        return this.turnAway(REFUSAL)
    }
  }

  private readHead(): boolean {
    switch (this.heads.read(this.input)) {
      case 'complete':
        return this.beginExchange(this.heads.head!)
      case 'incomplete':
        return false
      case 'tls':
        return this.turnTlsAway()
      case 'http2':
        return this.keeper.takesPreface ? this.becomeHttp2() : this.refuseHttp2()
      case 'malformed':
        return this.refuse(this.heads.fault!)
    }
  }

  private refuseHttp2(): false {
    this.plane.settings.observer.connection('http2-on-http1')
    return this.refuse(this.heads.fault!)
  }

  private beginExchange(head: RequestHead): true {
    const { request, client, exchange } = this.service
    request.begin(head)
    client.begin(head, head.persists && this.mayPersist)
    exchange.begin(head, this.heads.begunAt)
    if (this.input.hasEnded && !exchange.isIdle) exchange.noteHalfClose()
    return true
  }

  private refuse(fault: Fault): false {
    this.refuseWith(statusOf(fault), 'bad-request')
    return false
  }

  private refuseWith(status: number, cause: EndCause): void {
    const { head, begunAt } = this.heads
    const { request, client, exchange } = this.service
    request.refuse()
    client.begin(head, false)
    exchange.refuse(head, status, cause, begunAt)
  }

  /** Another connection goes on, from the preface. */
  private becomeHttp2(): false {
    this.input.clear()
    this.heads.drop()
    this.on('close')
    this.keeper.becomesHttp2(this, this.socket, this.heads.preface!)
    return false
  }

  /** Says the last word to a client that gets no answer. */
  private turnAway(word: Buffer): false {
    this.outbox.append(word, 0, word.length)
    this.outbox.flush()
    this.linger(true)
    return false
  }

  /** An answer in HTTP would look like a broken TLS server. */
  private turnTlsAway(): false {
    this.plane.settings.observer.connection('tls-on-http')
    this.heads.drop()
    return this.turnAway(NO_TLS_HERE)
  }

  private inputExhausted(): void {
    if (this.isIdle) {
      if (this.heads.hasBegun) return this.refuseWith(statusOf('truncated-message'), 'bad-request')
      this.on('end')
      return this.socket.end()
    }
    if (this.endTold) return
    this.endTold = true
    if (!this.service.exchange.clientEnded()) this.socket.end()
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
    const allRead = this.input.isEmpty && this.ownService?.request.isComplete === true
    if (!this.input.hasEnded && !allRead) return this.linger(false)
    this.on('end')
    this.socket.end()
  }

  private linger(refused: boolean): void {
    this.on('linger')
    this.deadlines.beginLinger(refused)
    this.input.clear()
    this.socket.shutdown()
    if (this.paused) this.socket.resume()
  }

  private leave(): void {
    if (this.state === 'handshaking') this.socket.terminate()
    else this.socket.end()
  }
}
